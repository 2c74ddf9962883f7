"""Whether code may be deployed that nobody has signed.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
"""

import secrets

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.lambda_.errors import CodeSigningConfigNotFound, CodeVerificationFailed
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import CodeSigning, Tables

_ID_PREFIX = "csc-"
_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_config_id() -> str:
    return _ID_PREFIX + "".join(secrets.choice(_ID_ALPHABET) for _ in range(17))


def config_arn(ctx: Context, config_id: str) -> str:
    return ctx.arn("lambda", f"code-signing-config:{config_id}")


class CodeSigningRules:
    """Asked before a function's code changes."""

    def __init__(self, cloud: Cloud, tables: Tables) -> None:
        self._cloud = cloud
        self._tables = tables

    def find(self, ctx: Context, arn: str) -> CodeSigning | None:
        parsed = parse_arn(arn)
        if parsed is None:
            return None
        config_id = parsed.resource.removeprefix("code-signing-config:")
        return self._tables.code_signing.get((parsed.account, parsed.region, config_id))

    def require(self, ctx: Context, arn: str) -> CodeSigning:
        config = self.find(ctx, arn)
        if config is None:
            raise CodeSigningConfigNotFound(
                "The code signing configuration cannot be found. "
                f"Check that the provided configuration is not deleted: {arn}."
            )
        return config

    def check_deployment(self, ctx: Context, name: FunctionName, arn: str) -> None:
        """A package that nobody signed is deployed to a function with that configuration, or with none."""
        if not arn:
            return
        if self.require(ctx, arn).untrusted == "Enforce":
            raise CodeVerificationFailed(
                "Lambda cannot deploy the function. The function or layer might be signed using a signature that the "
                f"client is not configured to accept. Check the provided signature for {name.name}."
            )
        dimensions = {"FunctionName": name.name}
        self._cloud.metrics.add(
            name.account, ctx.region, "AWS/Lambda", "SignatureValidationErrors", dimensions, 1, "Count"
        )
