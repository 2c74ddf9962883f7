"""DescribeParameters, and the labels of versions."""

import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import ValidationError
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.ssm.base import described
from fogbank.services.ssm.change_events import announce_change
from fogbank.services.ssm.errors import (
    InvalidNextToken,
    ParameterVersionLabelLimitExceeded,
    ParameterVersionNotFound,
    Validation,
)
from fogbank.services.ssm.filters import check_described_filters, legacy_filters, matches
from fogbank.services.ssm.names import parameter_arn
from fogbank.services.ssm.reading import Reading

_PAGE = 10
_LABELS_MAX = 10
_LABEL = re.compile(r"(?!aws|ssm|[0-9])[A-Za-z0-9_.-]{1,100}", re.IGNORECASE)


class Describing(Reading):
    """The operations on parameters without their values, of `SsmService`."""

    def describe_parameters(
        self,
        ctx: Context,
        *,
        Filters: list[dict[str, Any]] | None = None,
        ParameterFilters: list[dict[str, Any]] | None = None,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        if Filters and ParameterFilters:
            raise Validation("You can use either Filters or ParameterFilters in a single request.")
        filters = legacy_filters(Filters) if Filters else check_described_filters(ParameterFilters or [])
        try:
            rows, token = page_of_table(
                self._tables.parameters,
                (ctx.account, ctx.region),
                NextToken,
                MaxResults or _PAGE,
                wanted=lambda _, parameter: matches(filters, parameter),
            )
        except ValidationError:
            raise InvalidNextToken() from None
        answers = [described(found) | {"ARN": parameter_arn(ctx.account, ctx.region, found.name)} for _, found in rows]
        return {"Parameters": answers, **token}

    def label_parameter_version(
        self, ctx: Context, *, Name: str, Labels: list[str], ParameterVersion: int | None = None
    ) -> Answer:
        place, parameter = self._find(ctx, Name)
        wanted = parameter.version if ParameterVersion is None else ParameterVersion
        invalid = [label for label in dict.fromkeys(Labels) if not _LABEL.fullmatch(label)]
        valid = [label for label in dict.fromkeys(Labels) if label not in invalid]
        versions = list(self._versions(place, parameter))
        labelled = next((version for version in versions if version.version == wanted), None)
        if labelled is None:
            raise _no_version(wanted, parameter.name)
        for version in versions:
            version_labels = [label for label in version.labels if label not in valid]
            if version is labelled:
                version_labels += valid
                if len(version_labels) > _LABELS_MAX:
                    raise ParameterVersionLabelLimitExceeded()
            if version_labels != version.labels:
                version.labels = version_labels
                self._save_version(place, parameter, version)
        if valid:
            announce_change(ctx, parameter, "LabelParameterVersion")
        return {"InvalidLabels": invalid, "ParameterVersion": wanted}

    def unlabel_parameter_version(self, ctx: Context, *, Name: str, ParameterVersion: int, Labels: list[str]) -> Answer:
        place, parameter = self._find(ctx, Name)
        for version in list(self._versions(place, parameter)):
            if version.version == ParameterVersion:
                removed = [label for label in dict.fromkeys(Labels) if label in version.labels]
                version.labels = [label for label in version.labels if label not in removed]
                self._save_version(place, parameter, version)
                invalid = [label for label in dict.fromkeys(Labels) if label not in removed]
                return {"RemovedLabels": removed, "InvalidLabels": invalid}
        raise _no_version(ParameterVersion, parameter.name)


def _no_version(version: int, name: str) -> ParameterVersionNotFound:
    return ParameterVersionNotFound(
        f"Systems Manager could not find version {version} of {name}. Verify the version and try again."
    )
