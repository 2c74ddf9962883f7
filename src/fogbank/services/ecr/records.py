"""What ECR stores: repositories, keyed by account, region and name."""

from fogbank.core.store import Record


class Repository(Record):
    """`policy` and `lifecycle_policy` are JSON texts; empty where there is none."""

    name: str
    created_ms: int
    tag_mutability: str = "MUTABLE"
    scan_on_push: bool = False
    policy: str = ""
    lifecycle_policy: str = ""
    tags: dict[str, str] = {}
