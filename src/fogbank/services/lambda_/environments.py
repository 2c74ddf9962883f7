"""Environment variables, kept encrypted where the function has a key of its own.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

import json

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.lambda_.errors import (
    InvalidParameterValue,
    KmsAccessDenied,
    KmsDisabled,
    KmsInvalidState,
    KmsNotFound,
    KmsRefusal,
)
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Configuration

_REFUSALS: dict[str, tuple[type[KmsRefusal], str]] = {
    "DisabledException": (KmsDisabled, "the KMS key used is disabled"),
    "KMSInvalidStateException": (KmsInvalidState, "the state of the KMS key used is not valid for Decrypt"),
    "NotFoundException": (KmsNotFound, "the KMS key was not found"),
}


class Environments:
    """Seals and opens the variables of functions."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "lambda")

    def keep(self, ctx: Context, name: FunctionName, config: Configuration, variables: dict[str, str] | None) -> None:
        """Put the variables into the configuration. Raises InvalidParameterValue if its key cannot be used."""
        config.environment, config.sealed_environment = variables, b""
        if not variables or not config.kms_key_arn:
            return
        text = json.dumps(variables).encode()
        try:
            sealed = self._envelope.seal(ctx, config.kms_key_arn, text, _context(ctx, name))
        except AwsError as error:
            raise InvalidParameterValue(
                "Lambda was unable to configure access to your environment variables because the KMS key is invalid. "
                "Please check your KMS key settings. "
                f"KMS Exception: {error.code} KMS Message: {error.message}"
            ) from error
        config.environment, config.sealed_environment = None, sealed

    def open(self, ctx: Context, name: FunctionName, config: Configuration) -> dict[str, str] | None:
        """The variables, decrypted for whom the context names. Raises KmsRefusal."""
        if not config.sealed_environment:
            return config.environment
        try:
            text = self._envelope.open(ctx, config.sealed_environment, _context(ctx, name))
        except AwsError as error:
            refusal, reason = _REFUSALS.get(error.code, (KmsAccessDenied, "KMS access was denied"))
            raise refusal(
                f"Lambda was unable to decrypt the environment variables because {reason}. "
                "Please check the function's KMS key settings. "
                f"KMS Exception: {error.code} KMS Message: {error.message}",
                headers=error.headers,
            ) from error
        variables: dict[str, str] = json.loads(text)
        return variables


def _context(ctx: Context, name: FunctionName) -> dict[str, str]:
    return {"aws:lambda:FunctionArn": function_arn(ctx, name.account, name.name)}
