"""Layers: code that functions share."""

import json
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.code import fetch_package
from fogbank.services.lambda_.errors import InvalidParameterValue, PreconditionFailed, ResourceNotFound
from fogbank.services.lambda_.layer_access import check_shared
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.records import Layer, LayerCounter
from fogbank.services.lambda_.runtimes import check_compatible, check_listed
from fogbank.services.lambda_.statements import check_new_statement, document_of, without_statement


class LayerOperations(Operations):
    """PublishLayerVersion and its relatives."""

    async def publish_layer_version(
        self,
        ctx: Context,
        *,
        LayerName: str,
        Content: dict[str, Any],
        Description: str = "",
        CompatibleRuntimes: list[str] | None = None,
        CompatibleArchitectures: list[str] | None = None,
        LicenseInfo: str = "",
    ) -> Answer:
        check_compatible(CompatibleRuntimes or [])
        package = await fetch_package(ctx, Content)
        layer_name = _layer_name(LayerName)

        def publish() -> tuple[int, Layer]:
            key = (ctx.account, ctx.region, layer_name)
            version = (self._tables.layer_counters.get(key) or LayerCounter(0)).last + 1
            blob = self.cloud.blobs.write_bytes(package.data)
            self.cloud.blobs.claim(blob, package.size)
            layer = Layer(
                Description,
                blob,
                package.size,
                package.sha256,
                ctx.now_ms,
                CompatibleRuntimes,
                CompatibleArchitectures,
                LicenseInfo,
                unzipped_bytes=package.unzipped_bytes,
            )
            self._tables.layer_counters.put(key, LayerCounter(version))
            self._tables.layers.put((*key, version), layer)
            return version, layer

        version, layer = await ctx.run(publish)
        return self._layer_answer(ctx, layer_name, version, layer)

    def get_layer_version(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        owner, name = _owner(ctx, LayerName), _layer_name(LayerName)
        layer = self._layer(owner, name, VersionNumber)
        if owner.account != ctx.account:
            check_shared(ctx, f"{owner.arn('lambda', f'layer:{name}')}:{VersionNumber}", layer)
        return self._layer_answer(owner, name, VersionNumber, layer)

    def get_layer_version_by_arn(self, ctx: Context, *, Arn: str) -> Answer:
        key = self._functions.layer_key(Arn)
        layer = self._tables.layers.get(key) if key is not None else None
        if key is None or layer is None or layer.deleted:
            raise ResourceNotFound()
        if key[0] != ctx.account:
            check_shared(ctx, Arn, layer)
        return self._layer_answer(ctx.at(account=key[0], region=key[1]), key[2], key[3], layer)

    def list_layer_versions(
        self,
        ctx: Context,
        *,
        LayerName: str,
        CompatibleRuntime: str | None = None,
        CompatibleArchitecture: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 50,
    ) -> Answer:
        check_listed(CompatibleRuntime)
        owner, name = _owner(ctx, LayerName), _layer_name(LayerName)
        arn = owner.arn("lambda", f"layer:{name}")
        scan = self._tables.layers.scan((owner.account, owner.region, name), reverse=True)
        found = [
            answers.layer_version(arn, key[3], layer)
            for key, layer in scan
            if _wanted(layer, CompatibleRuntime, CompatibleArchitecture)
        ]
        return page("LayerVersions", found, Marker, MaxItems)

    def list_layers(
        self,
        ctx: Context,
        *,
        CompatibleRuntime: str | None = None,
        CompatibleArchitecture: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 50,
    ) -> Answer:
        check_listed(CompatibleRuntime)
        latest = {
            key[2]: (key[3], layer)
            for key, layer in self._tables.layers.scan((ctx.account, ctx.region))
            if _wanted(layer, CompatibleRuntime, CompatibleArchitecture)
        }
        found = []
        for name, (version, layer) in latest.items():
            arn = ctx.arn("lambda", f"layer:{name}")
            newest = answers.layer_version(arn, version, layer)
            found.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": newest})
        return page("Layers", found, Marker, MaxItems)

    def delete_layer_version(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        if VersionNumber < 1:
            raise InvalidParameterValue("Layer Version Cannot be less than 1")
        key = (ctx.account, ctx.region, _layer_name(LayerName), VersionNumber)
        layer = self._tables.layers.get(key)
        if layer is not None:
            # Functions that use the layer version go on with it, as on AWS.
            layer.deleted = True
            self._tables.layers.put(key, layer)
        return None

    # ---- who else may use a layer version ---------------------------------------------------------------------------

    def add_layer_version_permission(
        self,
        ctx: Context,
        *,
        LayerName: str,
        VersionNumber: int,
        StatementId: str,
        Action: str,
        Principal: str,
        OrganizationId: str | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        name, layer = self._shared_layer(ctx, LayerName, VersionNumber)
        check_new_statement(layer.policy, StatementId)
        _check_policy_revision(RevisionId, layer)
        everyone = Principal == "*"
        statement: dict[str, Any] = {
            "Sid": StatementId,
            "Effect": "Allow",
            "Principal": "*" if everyone else {"AWS": f"arn:aws:iam::{Principal}:root"},
            "Action": Action,
            "Resource": f"{ctx.arn('lambda', f'layer:{name}')}:{VersionNumber}",
        }
        if OrganizationId is not None:
            statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": OrganizationId}}
        self._save_policy(ctx, name, VersionNumber, layer, [*layer.policy, statement])
        return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": layer.policy_revision}

    def get_layer_version_policy(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        _, layer = self._shared_layer(ctx, LayerName, VersionNumber)
        if not layer.policy:
            raise ResourceNotFound("No policy is associated with the given resource.")
        return {"Policy": document_of(layer.policy), "RevisionId": layer.policy_revision}

    def remove_layer_version_permission(
        self,
        ctx: Context,
        *,
        LayerName: str,
        VersionNumber: int,
        StatementId: str,
        RevisionId: str | None = None,
    ) -> Answer:
        name, layer = self._shared_layer(ctx, LayerName, VersionNumber)
        kept = without_statement(layer.policy, StatementId)
        _check_policy_revision(RevisionId, layer)
        self._save_policy(ctx, name, VersionNumber, layer, kept)
        return None

    def _shared_layer(self, ctx: Context, text: str, version: int) -> tuple[str, Layer]:
        name = _layer_name(text)
        layer = self._tables.layers.get((ctx.account, ctx.region, name, version))
        if layer is None or layer.deleted:
            raise ResourceNotFound(f"Layer version {ctx.arn('lambda', f'layer:{name}')}:{version} does not exist.")
        return name, layer

    def _save_policy(
        self, ctx: Context, name: str, version: int, layer: Layer, statements: list[dict[str, Any]]
    ) -> None:
        layer.policy, layer.policy_revision = statements, new_id()
        self._tables.layers.put((ctx.account, ctx.region, name, version), layer)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _layer(self, ctx: Context, name: str, version: int) -> Layer:
        if version < 1:
            raise InvalidParameterValue("Layer Version Cannot be less than 1")
        layer = self._tables.layers.get((ctx.account, ctx.region, name, version))
        if layer is None or layer.deleted:
            raise ResourceNotFound()
        return layer

    def _layer_answer(self, ctx: Context, name: str, version: int, layer: Layer) -> dict[str, Any]:
        arn = ctx.arn("lambda", f"layer:{name}")
        location = f"{ctx.endpoint}/_fogbank/lambda/code/{layer.blob}"
        content = {"Location": location, "CodeSha256": layer.code_sha256, "CodeSize": layer.code_size}
        return {**answers.layer_version(arn, version, layer), "LayerArn": arn, "Content": content}


def _wanted(layer: Layer, runtime: str | None, architecture: str | None) -> bool:
    return (
        not layer.deleted
        and (runtime is None or runtime in (layer.runtimes or ()))
        and (architecture is None or architecture in (layer.architectures or ()))
    )


def _check_policy_revision(wanted: str | None, layer: Layer) -> None:
    if wanted is not None and wanted != layer.policy_revision:
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetLayerPolicy API to retrieve the latest Revision Id"
        )


def _owner(ctx: Context, text: str) -> Context:
    """Where a layer lies: an ARN may name one of another account."""
    arn = parse_arn(text)
    return ctx if arn is None else ctx.at(account=arn.account, region=arn.region)


def _layer_name(text: str) -> str:
    return text.rpartition(":")[2] if text.startswith("arn:") else text
