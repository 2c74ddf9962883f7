"""Prefixes and the names of objects, by the tables of AWS's guide."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fogbank.services.firehose.date_patterns import BadPattern, compile_pattern
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.object_names import Moment, check_prefixes, object_key, time_zone

AT = datetime(2018, 8, 27, 10, 30, 5, 120_000, UTC)
UUID = "0b1c2d3e-0000-4000-8000-000000000000"
NAME = f"clicks-3-2018-08-27-10-30-05-{UUID}"


def key(
    prefix: str | None, error_prefix: str | None = None, *, keys: dict[str, str] | None = None, error_type: str = ""
) -> str:
    """What comes before the name itself."""
    name = object_key(prefix, error_prefix, "clicks", 3, Moment(AT, UUID, keys or {}, error_type), "")
    assert name.endswith(NAME)
    return name.removesuffix(NAME)


@pytest.mark.parametrize(
    ("prefix", "filled"),
    [
        (None, "2018/08/27/10/"),
        ("", "2018/08/27/10/"),
        ("clicks/", "clicks/2018/08/27/10/"),
        ("clicks", "clicks2018/08/27/10/"),
        ("!{timestamp:yyyy/MM/dd}/", "2018/08/27/"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/d=!{timestamp:dd}/h=!{timestamp:HH}/", "y=2018/m=08/d=27/h=10/"),
        ("!{timestamp:'year='yyyy'/month='MM/}", "year=2018/month=08/"),
        ("user=!{partitionKeyFromQuery:user}/!{timestamp:yyyy}/", "user=ann/2018/"),
        ("!{partitionKeyFromLambda:place}/", "oslo/2018/08/27/10/"),
    ],
)
def test_a_prefix_is_filled_in(prefix: str | None, filled: str) -> None:
    keys = {"partitionKeyFromQuery:user": "ann", "partitionKeyFromLambda:place": "oslo"}
    assert key(prefix, "e/!{firehose:error-output-type}/", keys=keys) == filled


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "filled"),
    [
        (None, "failures/!{firehose:error-output-type}/", "failures/processing-failed/"),
        ("!{timestamp:yyyy}/", "e/!{firehose:error-output-type}/!{timestamp:dd}/", "e/processing-failed/27/"),
        ("clicks/", None, "clicks/processing-failed/2018/08/27/10/"),
        (None, None, "processing-failed/2018/08/27/10/"),
        ("clicks/", "errors/", "errors/processing-failed/2018/08/27/10/"),
    ],
)
def test_error_output_has_a_prefix_of_its_own(prefix: str | None, error_prefix: str | None, filled: str) -> None:
    check_prefixes(prefix, error_prefix)
    assert key(prefix, error_prefix, error_type="processing-failed") == filled


def test_random_strings_differ_within_a_name_and_are_the_same_for_a_second_try() -> None:
    first, second = key("!{firehose:random-string}/!{firehose:random-string}/!{timestamp:yyyy}/").split("/")[:2]
    assert len(first) == len(second) == 11
    assert first != second
    assert key("!{firehose:random-string}/").startswith(f"{first}/")


def test_a_name_has_the_time_of_its_zone_and_an_extension() -> None:
    tokyo = AT.astimezone(ZoneInfo("Asia/Tokyo"))
    name = object_key(None, None, "clicks", 3, Moment(tokyo, UUID), ".txt")
    assert name == f"2018/08/27/19/clicks-3-2018-08-27-19-30-05-{UUID}.txt"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "sentence"),
    [
        ("!{timestamp:yyyy}/", None, "ErrorOutputPrefix"),
        ("!{firehose:error-output-type}/", "e/", "Prefix"),
        ("a/", "!{timestamp:yyyy}/", "error-output-type"),
        ("a/", "!{firehose:error-output-type}/!{partitionKeyFromQuery:user}/", "partitionKeyFromQuery"),
        ("!{place:oslo}/", "e/", "!{place:oslo}"),
        ("!{timestamp:yyyy", "e/", "!{timestamp:yyyy"),
        ("a/!{/", "e/", "!{"),
        ("!{timestamp:bb}/", "e/", "timestamp format"),
        ("!{firehose:colour}/", "e/", "!{firehose:colour}"),
    ],
)
def test_a_malformed_prefix_is_refused(prefix: str, error_prefix: str | None, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_prefixes(prefix, error_prefix)
    assert sentence in refused.value.message


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2018-08-27T10:30:05.120"),
        ("yy u M L d D H k K h m s a", "18 2018 8 8 27 239 10 10 10 10 30 5 AM"),
        ("MMM MMMM MMMMM", "Aug August A"),
        ("E EEEE EEEEE e", "Mon Monday M 2"),
        ("Q QQ QQQ QQQQ", "3 03 Q3 3rd quarter"),
        ("Y-ww", "2018-35"),
        ("''yyyy''", "'2018'"),
        ("'o''clock'", "o'clock"),
        ("DDD SSSSSS A", "239 120000 37805120"),
        ("XXX xx Z VV z G", "Z +0000 +0000 UTC UTC AD"),
        ("yyyy[-MM]", "2018-08"),
    ],
)
def test_a_date_pattern_is_written_as_java_does(pattern: str, written: str) -> None:
    assert compile_pattern(pattern)(AT) == written


@pytest.mark.parametrize("pattern", ["bb", "JJ", "ddd", "HHH", "'open", "SSSSSSSSSS", "{", "MMMMMM"])
def test_what_is_no_date_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("day", "week"),
    [((2018, 1, 1), "2018-01"), ((2017, 12, 31), "2018-01"), ((2018, 12, 29), "2018-52"), ((2018, 12, 30), "2019-01")],
)
def test_weeks_begin_on_sunday(day: tuple[int, int, int], week: str) -> None:
    assert compile_pattern("YYYY-ww")(datetime(*day, tzinfo=UTC)) == week


def test_a_time_zone_that_is_none_is_refused() -> None:
    assert str(time_zone("Europe/Oslo")) == "Europe/Oslo"
    with pytest.raises(InvalidArgument, match="Europe/Nowhere"):
        time_zone("Europe/Nowhere")
