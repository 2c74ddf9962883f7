"""Secrets read as if they were parameters.

https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.ssm.errors import ParameterNotFound, Validation
from fogbank.services.ssm.names import SECRETS, Reference

_VERSION_ID_LENGTH_MIN = 32
_GONE = ("ResourceNotFoundException", "InvalidRequestException", "ValidationException")


def secret_parameter(ctx: Context, wanted: Reference, *, decrypt: bool) -> dict[str, Any]:
    """The secret as GetParameter answers it. A selector is a version's id or a staging label."""
    if not decrypt:
        raise Validation("WithDecryption flag must be True for retrieving a Secret Manager secret.")
    which: dict[str, str] = {}
    if wanted.selector:
        is_id = len(wanted.selector) >= _VERSION_ID_LENGTH_MIN
        which = {"VersionId" if is_id else "VersionStage": wanted.selector}
    secret_id = wanted.name.removeprefix(SECRETS)
    try:
        found = ctx.cloud.secretsmanager.get_secret_value(ctx, SecretId=secret_id, **which)
    except AwsError as error:
        if error.code not in _GONE:
            raise
        raise ParameterNotFound(
            f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {wanted.name} not found."
        ) from None
    answer = {
        "Name": wanted.name,
        "Type": "SecureString",
        "Value": found.get("SecretString", ""),
        "Version": 0,
        "SourceResult": _source_result(found),
        "LastModifiedDate": found["CreatedDate"],
        "ARN": found["ARN"],
    }
    return answer | ({"Selector": f":{wanted.selector}"} if wanted.selector else {})


def _source_result(found: dict[str, Any]) -> str:
    """GetSecretValue's answer as JSON, with names as Java has them."""
    members = {name if name == "ARN" else name[:1].lower() + name[1:]: value for name, value in found.items()}
    return msgspec.json.encode(members).decode()
