"""How AWS's Lambda words what the models alone do not tell."""

from typing import Any

from fogbank.core.errors import AwsError
from fogbank.services.lambda_.errors import Invalid
from fogbank.services.lambda_.runtimes import compatible_violation

# AWS lists the values of these in another order than its model does.
_VALUES = {
    "[Allow, Terminate]": "[Terminate, Allow]",
    "[BUFFERED, RESPONSE_STREAM]": "[RESPONSE_STREAM, BUFFERED]",
    "[TRIM_HORIZON, LATEST, AT_TIMESTAMP]": "[LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
}


def reworded(sentence: str, parameters: dict[str, Any]) -> AwsError | None:
    """The error for parameters that violate the model's constraints, if AWS words it otherwise."""
    told = sentence
    for ours, recorded in _VALUES.items():
        told = told.replace(ours, recorded)
    # Runtimes are not checked by the model.
    if violation := compatible_violation(parameters.get("CompatibleRuntimes") or []):
        count, _, others = told.partition(" ")
        told = f"{int(count) + 1} validation errors detected: {violation}; {others.partition(': ')[2]}"
    return Invalid(told) if told != sentence else None
