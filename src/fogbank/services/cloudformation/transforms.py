"""Transforms: everything that rewrites a template before it is deployed.

`Fn::Transform` inside the template comes first, the deepest before those around it; then the `Transform` section, in
its order. AWS hosts some (SAM, the language extensions, AWS::Include); the others are macros of the account.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html
"""

from collections.abc import Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.cloudformation import language_extensions, macros, s3_text, sam, template
from fogbank.services.cloudformation.errors import TransformFailed, ValidationError
from fogbank.services.cloudformation.intrinsics import Resolver

INCLUDE = "AWS::Include"
CALL = "Fn::Transform"


def used(parsed: Mapping[str, Any]) -> bool:
    return bool(declared(parsed)) or _has_call(parsed)


def _has_call(value: Any) -> bool:
    if isinstance(value, dict):
        return CALL in value or any(map(_has_call, value.values()))
    return isinstance(value, list) and any(map(_has_call, value))


def declared(parsed: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and parameters of the `Transform` section's entries."""
    return _calls(parsed.get("Transform") or [])


def declared_names(parsed: Mapping[str, Any]) -> list[str]:
    return [name for name, _ in declared(parsed)]


def _calls(value: Any) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for entry in value if isinstance(value, list) else [value]:
        name: Any = entry
        parameters: Any = {}
        if isinstance(entry, dict):
            name, parameters = entry.get("Name"), entry.get("Parameters") or {}
        if not isinstance(name, str):
            raise ValidationError("Key Name of transform definition must be a string.")
        if not isinstance(parameters, dict):
            raise ValidationError(f"Parameters of transform {name} must be an object.")
        found.append((name, parameters))
    return found


class Expansion:
    """The transforms of one template. `values` are what its parameters resolve to."""

    def __init__(self, ctx: Context, parsed: dict[str, Any], *, pseudo: dict[str, Any], values: dict[str, Any]) -> None:
        self.ctx = ctx
        self.parsed = parsed
        self.pseudo = pseudo
        self.values = values

    async def expanded(self) -> dict[str, Any]:
        calls = declared(self.parsed)
        found: Any = await self._inner({key: item for key, item in self.parsed.items() if key != "Transform"})
        for name, parameters in calls:
            found = await self._outer(name, parameters, found)
            if not isinstance(found, dict):
                raise TransformFailed("Template format error: unsupported structure.")
        return dict(found)

    def _resolver(self, parsed: Mapping[str, Any]) -> Resolver:
        return Resolver(
            pseudo=self.pseudo,
            parameters=self.values,
            mappings=parsed.get("Mappings") or {},
            conditions=parsed.get("Conditions") or {},
        )

    async def _outer(self, name: str, parameters: dict[str, Any], found: dict[str, Any]) -> Any:
        if name == sam.TRANSFORM:
            return await sam.expand({"Transform": name, **found}, self.values, region=self.ctx.region)
        if name == language_extensions.TRANSFORM:
            return language_extensions.expand(found, self._resolver(found))
        return await self._call(name, parameters, found)

    async def _inner(self, value: Any) -> Any:
        if isinstance(value, list):
            return [await self._inner(item) for item in value]
        if not isinstance(value, dict):
            return value
        found: Any = {key: await self._inner(item) for key, item in value.items() if key != CALL}
        if CALL in value:
            for name, parameters in _calls(value[CALL]):
                found = await self._call(name, await self._inner(parameters), found)
        return found

    async def _call(self, name: str, parameters: dict[str, Any], fragment: Any) -> Any:
        parameters = self._resolver(self.parsed).value(parameters)
        if name == INCLUDE:
            included = await self._include(str(parameters.get("Location", "")))
            return {**fragment, **included} if fragment else included
        if name.startswith("AWS::"):
            raise ValidationError(f"Transform {name} is not implemented by Fogbank")
        return await macros.call(self.ctx, name, fragment=fragment, parameters=parameters, values=self.values)

    async def _include(self, location: str) -> Any:
        bucket, key = s3_text.place(location)
        try:
            text = await s3_text.read(self.ctx, bucket, key)
        except AwsError as error:
            told = error.message
            if error.code == "NoSuchBucket":
                told = f"S3 bucket [{bucket}] does not exist."
            raise TransformFailed(f"Transform {INCLUDE} failed with: {told}") from None
        try:
            return await self._inner(template.load_snippet(text))
        except ValidationError:
            raise TransformFailed(
                f"Transform {INCLUDE} failed with: The specified S3 object's content should be valid Yaml/JSON"
            ) from None
