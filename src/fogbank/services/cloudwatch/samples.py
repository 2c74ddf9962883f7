"""A datum of PutMetricData as samples."""

import math
from typing import Any

from fogbank.services.cloudwatch.distribution import Distribution, Summary
from fogbank.services.cloudwatch.errors import InvalidParameterCombination, InvalidParameterValue, ValidationError

VALUES_MAX = 150
OLD_MS, AHEAD_MS = 14 * 86_400_000, 2 * 3_600_000
# Values and StatisticValues are accepted together, as on AWS: the values say more.
_WAYS = frozenset(("Value", "Values", "Counts", "StatisticValues"))
_EXCLUSIVE = (("Value", "Values"), ("Value", "StatisticValues"))


def distribution_of(datum: dict[str, Any], number: int) -> Distribution:
    """The samples of the request's datum with this number (from 1)."""
    if "Value" in datum and len(datum.keys() & _WAYS) == 1:  # As nearly all are.
        value = datum["Value"]
        if math.isfinite(value):
            return Distribution({value: 1.0})
    where = f"MetricData.member.{number}"
    for one, other in _EXCLUSIVE:
        if one in datum and other in datum:
            raise InvalidParameterCombination(
                f"The parameters {where}.{one} and {where}.{other} are mutually exclusive and you have specified both."
            )
    if "StatisticValues" in datum and "Values" not in datum:
        return _summarized(datum["StatisticValues"], where)
    values = datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
    if not values:
        raise InvalidParameterCombination("At least one of the parameters must be specified.")
    if len(values) > VALUES_MAX:
        raise ValidationError(f"The collection {where}.Values must not have a size greater than {VALUES_MAX}.")
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(values) != len(counts):
        raise InvalidParameterValue(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    found = Distribution({})
    for value, count in zip(values, counts, strict=True):
        if not math.isfinite(value):
            raise _not_finite(value, f"{where}.Value")
        if not 0 <= count < math.inf:
            raise InvalidParameterValue(f"The value {count} for parameter {where}.Counts is invalid.")
        if count:
            found.values[value] = found.values.get(value, 0) + count
    return found


def check_time(at_ms: int, now_ms: int, number: int) -> None:
    """Data may be up to two weeks old, and up to two hours ahead."""
    where = f"The parameter MetricData.member.{number}.Timestamp must specify a time"
    if at_ms < now_ms - OLD_MS:
        raise InvalidParameterValue(f"{where} within the past two weeks.")
    if at_ms > now_ms + AHEAD_MS:
        raise InvalidParameterValue(f"{where} no more than two hours in the future.")


def _not_finite(value: float, where: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"The value {value} for parameter {where} is invalid.")


def _summarized(given: dict[str, float], where: str) -> Distribution:
    count, minimum, maximum = given["SampleCount"], given["Minimum"], given["Maximum"]
    for name, value in given.items():
        if not math.isfinite(value):
            raise _not_finite(value, f"{where}.StatisticValues.{name}")
    if count <= 0:
        raise InvalidParameterValue(f"The parameter {where}.StatisticValues.SampleCount must be greater than 0.")
    if minimum > maximum:
        raise InvalidParameterValue(
            f"The parameter {where}.StatisticValues.Maximum must be greater than or equal to "
            f"the parameter {where}.StatisticValues.Minimum."
        )
    if minimum == maximum:
        # All samples are known, so percentiles are too (Statistics definitions, "Percentiles").
        return Distribution({minimum: count})
    return Distribution({}, Summary(count=count, sum=given["Sum"], minimum=minimum, maximum=maximum))
