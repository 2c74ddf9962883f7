"""Parameters are read: by name, by ARN, by path, and with their history."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.ssm.base import described, paged
from fogbank.services.ssm.errors import InvalidNextToken, ParameterNotFound, ParameterVersionNotFound
from fogbank.services.ssm.filters import LABEL, check_path_filters, matches
from fogbank.services.ssm.names import SECRETS, check_path, lies_under, qualified_name, read
from fogbank.services.ssm.records import Parameter, Place
from fogbank.services.ssm.secret_references import secret_parameter
from fogbank.services.ssm.writing import Writing

_PATH_PAGE = 10
_HISTORY_PAGE = 50


class Reading(Writing):
    """The operations that read values, of `SsmService`."""

    def get_parameter(self, ctx: Context, *, Name: str, WithDecryption: bool = False) -> Answer:
        return {"Parameter": self._read(ctx, Name, decrypt=WithDecryption)}

    def get_parameters(self, ctx: Context, *, Names: list[str], WithDecryption: bool = False) -> Answer:
        found, invalid = [], []
        for name in dict.fromkeys(Names):
            try:
                found.append(self._read(ctx, name, decrypt=WithDecryption))
            except (ParameterNotFound, ParameterVersionNotFound):
                invalid.append(name)
        return {"Parameters": found, "InvalidParameters": invalid}

    def get_parameters_by_path(
        self,
        ctx: Context,
        *,
        Path: str,
        Recursive: bool = False,
        ParameterFilters: list[dict[str, Any]] | None = None,
        WithDecryption: bool = False,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        check_path(Path)
        filters = check_path_filters(ParameterFilters or [])
        by_name = {}
        for place, parameter in self._under(ctx, Path):
            if lies_under(parameter.name, Path, recursive=Recursive):
                version = self._labelled(place, parameter, filters)
                if version is not None and matches(filters, version):
                    by_name[qualified_name(parameter.name)] = place, version
        names, token = paged(sorted(by_name), NextToken, MaxResults or _PATH_PAGE)
        answers = [self._answer(ctx, *by_name[name], decrypt=WithDecryption) for name in names]
        return {"Parameters": answers, **token}

    def get_parameter_history(
        self,
        ctx: Context,
        *,
        Name: str,
        WithDecryption: bool = False,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        place, parameter = self._find(ctx, Name)
        after = whole_number(NextToken) if NextToken is not None else 0
        if after is None:
            raise InvalidNextToken()
        limit = MaxResults or _HISTORY_PAGE
        versions = [version for version in self._versions(place, parameter) if version.version > after]
        answers = [
            described(version)
            | {"Value": self._value(ctx, place, version, decrypt=WithDecryption), "Labels": version.labels}
            for version in versions[:limit]
        ]
        token = {"NextToken": str(versions[limit - 1].version)} if len(versions) > limit else {}
        return {"Parameters": answers, **token}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _read(self, ctx: Context, name: str, *, decrypt: bool) -> dict[str, Any]:
        wanted = read(ctx, name)
        if wanted.name.startswith(SECRETS):
            return secret_parameter(ctx, wanted, decrypt=decrypt)
        place, found = self._referred(ctx, wanted)
        asked = "" if name.startswith("arn:") else wanted.name
        answer = self._answer(ctx, place, found, decrypt=decrypt, asked=asked)
        return answer | ({"Selector": f":{wanted.selector}"} if wanted.selector else {})

    def _under(self, ctx: Context, path: str) -> Iterator[tuple[Place, Parameter]]:
        """The parameters whose names begin with the path; all of them for the topmost one."""
        folder = path.rstrip("/")
        region = (ctx.account, ctx.region)
        for key, parameter in self._tables.parameters.scan(region, start=(*region, folder) if folder else None):
            if not key[2].startswith(folder):
                return
            yield (key[0], key[1], key[2]), parameter

    def _labelled(self, place: Place, parameter: Parameter, filters: list[dict[str, Any]]) -> Parameter | None:
        """The version with the labels that are asked for, if any are; else the present one."""
        labels = {value for each in filters if each["Key"] == LABEL for value in each["Values"]}
        if not labels:
            return parameter
        versions = [version for version in self._versions(place, parameter) if not labels.isdisjoint(version.labels)]
        return versions[-1] if versions else None
