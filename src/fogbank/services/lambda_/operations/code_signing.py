"""Code signing configurations: who has to have signed a function's code.

There is no Signer in Fogbank, so no package is signed: one that has to be is refused, as AWS refuses it.
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.code_signing import new_config_id
from fogbank.services.lambda_.errors import WITHOUT_TYPE, ResourceConflict, ResourceNotFound
from fogbank.services.lambda_.functions import check_tags
from fogbank.services.lambda_.names import function_arn
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.records import CodeSigning


class CodeSigningOperations(Operations):
    """CreateCodeSigningConfig and its relatives."""

    def create_code_signing_config(
        self,
        ctx: Context,
        *,
        AllowedPublishers: dict[str, Any],
        Description: str = "",
        CodeSigningPolicies: dict[str, Any] | None = None,
        Tags: dict[str, str] | None = None,
    ) -> Answer:
        check_tags(Tags or {})
        config = CodeSigning(
            new_config_id(),
            AllowedPublishers["SigningProfileVersionArns"],
            ctx.now_ms,
            (CodeSigningPolicies or {}).get("UntrustedArtifactOnDeployment", "Warn"),
            Description,
            Tags or {},
        )
        return self._save_code_signing(ctx, config)

    def get_code_signing_config(self, ctx: Context, *, CodeSigningConfigArn: str) -> Answer:
        return {"CodeSigningConfig": answers.code_signing(ctx, self._code_signing_config(ctx, CodeSigningConfigArn))}

    def update_code_signing_config(
        self,
        ctx: Context,
        *,
        CodeSigningConfigArn: str,
        Description: str | None = None,
        AllowedPublishers: dict[str, Any] | None = None,
        CodeSigningPolicies: dict[str, Any] | None = None,
    ) -> Answer:
        config = self._code_signing_config(ctx, CodeSigningConfigArn)
        if Description is not None:
            config.description = Description
        if AllowedPublishers is not None:
            config.publishers = AllowedPublishers["SigningProfileVersionArns"]
        if CodeSigningPolicies is not None:
            config.untrusted = CodeSigningPolicies.get("UntrustedArtifactOnDeployment", config.untrusted)
        config.modified_ms = ctx.now_ms
        return self._save_code_signing(ctx, config)

    def delete_code_signing_config(self, ctx: Context, *, CodeSigningConfigArn: str) -> Answer:
        config = self._code_signing_config(ctx, CodeSigningConfigArn)
        if self._signed_with(ctx, CodeSigningConfigArn):
            raise ResourceConflict(
                "The code signing configuration cannot be deleted because one or more functions are using it."
            )
        self._tables.code_signing.delete((ctx.account, ctx.region, config.config_id))
        return None

    def list_code_signing_configs(self, ctx: Context, *, Marker: str | None = None, MaxItems: int = 50) -> Answer:
        scan = self._tables.code_signing.scan((ctx.account, ctx.region))
        found = [answers.code_signing(ctx, config) for _, config in scan]
        return page("CodeSigningConfigs", found, Marker, MaxItems)

    def list_functions_by_code_signing_config(
        self, ctx: Context, *, CodeSigningConfigArn: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        self._code_signing_config(ctx, CodeSigningConfigArn)
        found = [function_arn(ctx, ctx.account, name) for name in self._signed_with(ctx, CodeSigningConfigArn)]
        return page("FunctionArns", found, Marker, MaxItems)

    # ---- of a function ------------------------------------------------------------------------------------------

    def put_function_code_signing_config(self, ctx: Context, *, CodeSigningConfigArn: str, FunctionName: str) -> Answer:
        self._code_signing.require(ctx, CodeSigningConfigArn)
        name, function = self._unqualified(ctx, FunctionName)
        function.code_signing_arn = CodeSigningConfigArn
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return {"CodeSigningConfigArn": CodeSigningConfigArn, "FunctionName": name.name}

    def get_function_code_signing_config(self, ctx: Context, *, FunctionName: str) -> Answer:
        name, function = self._unqualified(ctx, FunctionName)
        if not function.code_signing_arn:
            return {}
        return {"CodeSigningConfigArn": function.code_signing_arn, "FunctionName": name.name}

    def delete_function_code_signing_config(self, ctx: Context, *, FunctionName: str) -> Answer:
        name, function = self._unqualified(ctx, FunctionName)
        function.code_signing_arn = ""
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return None

    # ---- steps --------------------------------------------------------------------------------------------------

    def _code_signing_config(self, ctx: Context, arn: str) -> CodeSigning:
        found = self._code_signing.find(ctx, arn)
        if found is None:
            sentence = f"The Lambda code signing configuration {arn} can not be found."
            raise ResourceNotFound(sentence, members=WITHOUT_TYPE)
        return found

    def _save_code_signing(self, ctx: Context, config: CodeSigning) -> Answer:
        self._tables.code_signing.put((ctx.account, ctx.region, config.config_id), config)
        return {"CodeSigningConfig": answers.code_signing(ctx, config)}

    def _signed_with(self, ctx: Context, arn: str) -> list[str]:
        scan = self._tables.functions.scan((ctx.account, ctx.region))
        return [str(key[2]) for key, function in scan if function.code_signing_arn == arn]
