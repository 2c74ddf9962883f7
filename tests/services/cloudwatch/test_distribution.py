"""Samples: exact while they are few, within 1 % and bounded however many there are."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.cloudwatch.distribution import EXACT_MAX, Distribution
from fogbank.services.cloudwatch.statistics import statistic

POSITIVE = st.floats(min_value=1e-100, max_value=1e100)
SAMPLES = st.lists(st.one_of(POSITIVE, st.floats(min_value=0.5, max_value=2.0), st.just(0.0)), min_size=1, max_size=900)


def gathered(samples: list[float], parts: int) -> Distribution:
    """The samples as so many data, merged by twos as periods are."""
    data = []
    for part in range(parts):
        datum = Distribution({})
        for sample in samples[part::parts]:
            datum.merge(Distribution({sample: 1.0}))
        data.append(datum)
    whole = Distribution({})
    for datum in data:
        whole.merge(datum)
    return whole


@given(samples=SAMPLES, parts=st.integers(1, 9), percent=st.sampled_from([0.1, 1, 25, 50, 90, 95, 99, 99.9, 100]))
def test_a_percentile_is_right_to_one_percent_and_what_is_exact_stays_so(
    samples: list[float], parts: int, percent: float
) -> None:
    whole = gathered(samples, parts)
    ordered = sorted(samples)
    true = ordered[max(math.ceil(len(ordered) * percent / 100 - 1e-9), 1) - 1]
    found = statistic(whole, f"p{percent:g}")
    assert found == pytest.approx(true, rel=0.01, abs=0)
    assert statistic(whole, "SampleCount") == len(samples)
    assert statistic(whole, "Sum") == pytest.approx(math.fsum(samples))
    assert (statistic(whole, "Minimum"), statistic(whole, "Maximum")) == (ordered[0], ordered[-1])
    if len(set(samples)) <= EXACT_MAX:
        assert (found, whole.exact) == (true, None)


def test_a_row_is_bounded_however_many_samples_it_holds() -> None:
    whole = Distribution({})
    for part in range(200):
        whole.merge(Distribution({1.0 + (part * 1000 + value) / 7: 1.0 for value in range(1000)}))
    assert statistic(whole, "SampleCount") == 200_000
    assert len(whole.values) < 64 * 15, "64 for each power of two between 1 and 28,572"
    assert len(msgspec.msgpack.encode(whole)) < 20_000


def test_negative_samples_count_and_have_no_percentiles() -> None:
    whole = gathered([float(value) for value in range(-1000, 1000)], 3)
    assert (statistic(whole, "Average"), statistic(whole, "p50")) == (-0.5, None)
