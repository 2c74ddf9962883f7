"""How AWS's Lambda words what the models alone do not tell."""

from fogbank.core.errors import AwsError
from fogbank.services.lambda_.errors import Invalid

# AWS lists the values of these in another order than its model does.
_VALUES = {
    "[Allow, Terminate]": "[Terminate, Allow]",
    "[BUFFERED, RESPONSE_STREAM]": "[RESPONSE_STREAM, BUFFERED]",
    "[TRIM_HORIZON, LATEST, AT_TIMESTAMP]": "[LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
}


def reworded(sentence: str) -> AwsError | None:
    """The error for parameters that violate the model's constraints, if AWS words it otherwise."""
    for ours, recorded in _VALUES.items():
        if ours in sentence:
            return Invalid(sentence.replace(ours, recorded))
    return None
