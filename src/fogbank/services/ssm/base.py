"""Parameters and how they are found: what all of Parameter Store's operations stand on."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import ValidationError
from fogbank.core.pages import page
from fogbank.core.service import Service
from fogbank.services.ssm.errors import InvalidNextToken, ParameterNotFound, ParameterVersionNotFound
from fogbank.services.ssm.names import Reference, other_form, parameter_arn, read
from fogbank.services.ssm.records import Parameter, Place, SsmTables
from fogbank.services.ssm.secure_strings import SecureStrings

SECURE = "SecureString"


class ParameterBase(Service):
    """The parameters and their rows."""

    name = "ssm"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = SsmTables(cloud.store)
        self._secure_strings = SecureStrings(cloud)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _place(self, account: str, region: str, name: str) -> Place:
        """Where the parameter of that name is, or would be."""
        place, other = (account, region, name), other_form(name)
        if other != name and self._tables.parameters.get(place) is None:
            elsewhere = (account, region, other)
            if self._tables.parameters.get(elsewhere) is not None:
                return elsewhere
        return place

    def _find(self, ctx: Context, name: str) -> tuple[Place, Parameter]:
        """A parameter of the caller's own, as it is now."""
        wanted = read(ctx, name)
        place = self._place(ctx.account, ctx.region, wanted.name)
        parameter = self._tables.parameters.get(place)
        if parameter is None or wanted.selector:
            raise ParameterNotFound()
        return place, parameter

    def _referred(self, ctx: Context, wanted: Reference) -> tuple[Place, Parameter]:
        """The version of a parameter that a request asks for; of another account, if it is shared with it."""
        place = self._place(wanted.account, wanted.region, wanted.name)
        parameter = self._tables.parameters.get(place) if wanted.region == ctx.region else None
        if parameter is None or (wanted.account != ctx.account and not parameter.sharing):
            raise ParameterNotFound()
        if not wanted.selector:
            return place, parameter
        for version in self._versions(place, parameter):
            if wanted.selector == str(version.version) or wanted.selector in version.labels:
                return place, version
        raise ParameterVersionNotFound(
            f"Systems Manager could not find version {wanted.selector} of {wanted.name}. "
            "Verify the version and try again."
        )

    def _versions(self, place: Place, parameter: Parameter) -> Iterator[Parameter]:
        """All versions that are kept, the oldest first."""
        for _, former in self._tables.former.scan(place):
            yield former
        yield parameter

    def _save_version(self, place: Place, parameter: Parameter, version: Parameter) -> None:
        """Store a version of the parameter, the present one or a former one."""
        if version.version == parameter.version:
            self._tables.parameters.put(place, version)
        else:
            self._tables.former.put((*place, version.version), version)

    def _answer(
        self, ctx: Context, place: Place, found: Parameter, *, decrypt: bool, asked: str = ""
    ) -> dict[str, Any]:
        """A parameter with its value. `asked` is the name to answer with, where that is not its own."""
        arn = parameter_arn(place[0], place[1], found.name)
        return {
            "Name": asked or found.name,
            "Type": found.type,
            "Value": self._value(ctx, place, found, decrypt=decrypt),
            "Version": found.version,
            "LastModifiedDate": found.modified_ms / 1000,
            "ARN": arn,
            "DataType": found.data_type,
        }

    def _value(self, ctx: Context, place: Place, found: Parameter, *, decrypt: bool) -> str:
        if found.type != SECURE or not decrypt:
            return found.value
        arn = parameter_arn(place[0], place[1], found.name)
        return self._secure_strings.unseal(ctx, found.value, tier=found.tier, arn=arn)


def described(found: Parameter) -> dict[str, Any]:
    """A version as DescribeParameters and GetParameterHistory show it, without its value."""
    optional: dict[str, Any] = {
        "KeyId": found.key_id,
        "Description": found.description,
        "AllowedPattern": found.pattern,
        "LastModifiedUser": found.user,
    }
    return {
        "Name": found.name,
        "Type": found.type,
        "LastModifiedDate": found.modified_ms / 1000,
        "Version": found.version,
        "Tier": found.tier,
        "Policies": [
            {
                "PolicyText": policy.text,
                "PolicyType": policy.type,
                "PolicyStatus": "Finished" if policy.finished else "Pending",
            }
            for policy in found.policies
        ],
        "DataType": found.data_type,
    } | {member: value for member, value in optional.items() if value}


def paged(names: list[str], token: str | None, limit: int) -> tuple[list[str], dict[str, Any]]:
    try:
        return page(names, token, limit)
    except ValidationError:
        raise InvalidNextToken() from None
