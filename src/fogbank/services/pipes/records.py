"""What EventBridge Pipes stores: pipes, and how far each has read the shards of its stream."""

from typing import Any

from fogbank.core.store import Record


class Pipe(Record):
    """The parameters are as given, with the source's defaults filled in. `id` names its checkpoints."""

    id: str
    source: str
    target: str
    role_arn: str
    source_parameters: dict[str, Any]
    target_parameters: dict[str, Any]
    enrichment: str
    enrichment_parameters: dict[str, Any]
    description: str
    desired_state: str
    state: str
    created_ms: int
    modified_ms: int
    tags: dict[str, str] = {}
    state_reason: str = ""
