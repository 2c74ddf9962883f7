"""Layers: code that functions share."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.code import fetch_package
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.records import Layer, LayerCounter


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
                CompatibleRuntimes or [],
                CompatibleArchitectures or [],
                LicenseInfo,
            )
            self._tables.layer_counters.put(key, LayerCounter(version))
            self._tables.layers.put((*key, version), layer)
            return version, layer

        version, layer = await ctx.run(publish)
        return self._layer_answer(ctx, layer_name, version, layer)

    def get_layer_version(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        name = _layer_name(LayerName)
        return self._layer_answer(ctx, name, VersionNumber, self._layer(ctx, name, VersionNumber))

    def list_layer_versions(
        self, ctx: Context, *, LayerName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = _layer_name(LayerName)
        arn = ctx.arn("lambda", f"layer:{name}")
        scan = self._tables.layers.scan((ctx.account, ctx.region, name), reverse=True)
        found = [answers.layer_version(arn, key[3], layer) for key, layer in scan]
        return page("LayerVersions", found, Marker, MaxItems)

    def list_layers(self, ctx: Context, *, Marker: str | None = None, MaxItems: int = 50) -> Answer:
        latest = {key[2]: (key[3], layer) for key, layer in self._tables.layers.scan((ctx.account, ctx.region))}
        found = []
        for name, (version, layer) in latest.items():
            arn = ctx.arn("lambda", f"layer:{name}")
            newest = answers.layer_version(arn, version, layer)
            found.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": newest})
        return page("Layers", found, Marker, MaxItems)

    def delete_layer_version(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        # The blob stays: functions that use the layer version go on with it, as on AWS.
        self._tables.layers.delete((ctx.account, ctx.region, _layer_name(LayerName), VersionNumber))
        return None

    def _layer(self, ctx: Context, name: str, version: int) -> Layer:
        if version < 1:
            raise InvalidParameterValue("Layer Version Cannot be less than 1")
        layer = self._tables.layers.get((ctx.account, ctx.region, name, version))
        if layer is None:
            raise ResourceNotFound()
        return layer

    def _layer_answer(self, ctx: Context, name: str, version: int, layer: Layer) -> dict[str, Any]:
        arn = ctx.arn("lambda", f"layer:{name}")
        location = f"{ctx.endpoint}/_fogbank/lambda/code/{layer.blob}"
        content = {"Location": location, "CodeSha256": layer.code_sha256, "CodeSize": layer.code_size}
        return {**answers.layer_version(arn, version, layer), "LayerArn": arn, "Content": content}


def _layer_name(text: str) -> str:
    return text.rpartition(":")[2] if text.startswith("arn:") else text
