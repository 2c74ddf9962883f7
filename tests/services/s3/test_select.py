"""SelectObjectContent: what the SQL of S3 Select gives on CSV, JSON and Parquet, and what it refuses."""

import bz2
import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError, EventStreamError

from fogbank.engines.sql.duckdb import SESSIONS_MAX

PEOPLE = b'name,age,city\nAnn,31,Ulm\nBob,4,"New York, NY"\n# a comment\n\nCy,50\n'
ORDERS = (
    b'{"id": 1, "price": 2.50, "who": {"name": "Ann", "Tags": ["a", "b"]}, "note": null}\n'
    b'{"id": 2, "price": 10, "who": {"NAME": "Bob"}, "paid": true}\r\n'
    b'\n{"id": "x", "price": "none"}'
)
# The document of AWS's reference for the SELECT command.
RULES = (
    b'{"Rules": [{"id": "1"}, {"expr": "y > x"}, {"id": "2", "expr": "z = DEBUG"}]}\n'
    b'{"created": "June 27", "modified": "July 6"}'
)
USE = {"CSV": {"FileHeaderInfo": "USE"}}
NONE = {"CSV": {}}
LINES = {"JSON": {"Type": "LINES"}}
DOCUMENT = {"JSON": {"Type": "DOCUMENT"}}


class Selects:
    """Runs queries on an object's body."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, body: bytes) -> str:
        self._s3.put_object(Bucket=self._bucket, Key="data", Body=body)
        return "data"

    def events(
        self, body: bytes, expression: str, given: Any, wanted: Any = None, *, streaming: bool = False, **more: Any
    ) -> Any:
        answer = self._s3.select_object_content(
            Bucket=self._bucket,
            Key=self.put(body),
            Expression=expression,
            ExpressionType="SQL",
            InputSerialization=given,
            OutputSerialization=wanted or {"CSV": {}},
            **more,
        )
        with closing(answer["Payload"]) as payload:
            yield from payload

    def __call__(self, body: bytes, expression: str, given: Any, wanted: Any = None, **more: Any) -> str:
        events = list(self.events(body, expression, given, wanted, **more))
        assert [next(iter(event)) for event in events[-2:]] == ["Stats", "End"]
        return b"".join(event["Records"]["Payload"] for event in events if "Records" in event).decode()


@pytest.fixture
def select(s3: Any, bucket: str) -> Selects:
    return Selects(s3, bucket)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SELECT * FROM S3Object", 'Ann,31,Ulm\nBob,4,"New York, NY"\nCy,50\n'),
        ("select s.name from s3object s", "Ann\nBob\nCy\n"),
        ("SELECT s.NAME, s._2 FROM S3Object AS s WHERE s.\"city\" = 'Ulm'", "Ann,31\n"),
        ("SELECT name FROM S3Object s WHERE CAST(s.age AS INT) > 30 LIMIT 1", "Ann\n"),
        ("SELECT name FROM S3Object WHERE city IS MISSING", "Cy\n"),
        ("SELECT s.* FROM S3Object s LIMIT 1", "Ann,31,Ulm\n"),
        # Without a cast everything is a string, and values of different types are neither equal nor in an order.
        ("SELECT name FROM S3Object WHERE age < '4'", "Ann\n"),
        ("SELECT name FROM S3Object WHERE age = 31 OR age > 4", ""),
        ("SELECT name FROM S3Object WHERE age <> 31", "Ann\nBob\nCy\n"),
        ("SELECT name FROM S3Object WHERE name LIKE '_o%' AND NOT name IN ('Ann', 'Cy')", "Bob\n"),
        ("SELECT name FROM S3Object WHERE city LIKE '%!_%' ESCAPE '!' OR name NOT LIKE '%n%'", "Bob\nCy\n"),
        ("SELECT name FROM S3Object WHERE CAST(age AS FLOAT) NOT BETWEEN 4 AND 31.5", "Cy\n"),
        ("SELECT COUNT(*), SUM(CAST(age AS INT)), MIN(CAST(age AS INT)), MAX(name) FROM S3Object", "3,85,4,Cy\n"),
        ("SELECT AVG(CAST(age AS INT)) AS a, COUNT(city) + 1 FROM S3Object WHERE name <> 'Cy'", "17.5,3\n"),
        ("SELECT SUM(CAST(age AS INT)), COUNT(*) FROM S3Object WHERE name = 'nobody'", ",0\n"),
        ("SELECT CASE name WHEN 'Ann' THEN 1 WHEN 'Bob' THEN 2 END FROM S3Object", "1\n2\n\n"),
        ("SELECT CASE WHEN CAST(age AS INT) > 30 THEN 'old' ELSE 'young' END FROM S3Object", "old\nyoung\nold\n"),
        (
            "SELECT COALESCE(city, 'nowhere'), NULLIF(name, 'Ann') FROM S3Object",
            'Ulm,\n"New York, NY",Bob\nnowhere,Cy\n',
        ),
        ("SELECT name FROM S3Object LIMIT 0", ""),
    ],
)
def test_csv_with_a_header_is_selected_by_name_and_position(select: Selects, expression: str, expected: str) -> None:
    assert select(PEOPLE, expression, USE) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - -1", "8"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("7 % 4", "3"),
        ("1.1 + 2.2", "3.3"),
        ("7.0 / 2", "3.5"),
        ("'a' || 'b''c'", "ab'c"),
        ("`2.5` * 2", "5"),
        ("TRUE AND NOT FALSE OR NULL", "true"),
        ("CAST('12' AS INTEGER) + 1", "13"),
        ("CAST('1.50' AS DECIMAL(5, 2))", "1.50"),
        ("CAST('1.50' AS DECIMAL)", "1.5"),
        ("CAST('1e3' AS FLOAT)", "1000"),
        ("CAST(2.9 AS INT)", "2"),
        ("CAST('TRUE' AS BOOL)", "true"),
        ("CAST(5 AS STRING) || '!'", "5!"),
        ("CAST('2020-02-03T04:05:06.7+01:00' AS TIMESTAMP)", "2020-02-03T04:05:06.7+01:00"),
        ("CHAR_LENGTH('gr\u00fcn')", "4"),
        ("LOWER('AbC') || UPPER('d\u00e9')", "abcD\u00c9"),
        ("SUBSTRING('123456789', 0)", "123456789"),
        ("SUBSTRING('123456789', 2)", "23456789"),
        ("SUBSTRING('123456789', -4, 7)", "12"),
        ("SUBSTRING('123456789' FROM 1 FOR 5)", "12345"),
        ("TRIM('  foobar  ')", "foobar"),
        ("TRIM(LEADING FROM '  foobar')", "foobar"),
        ("TRIM(BOTH '12' FROM '1112211foobar22211122')", "foobar"),
        ("DATE_ADD(year, 5, `2010-01-01T`)", "2015-01-01"),
        ("DATE_ADD(month, 13, `2010T`)", "2011-02T"),
        ("DATE_ADD(hour, 1, `2017-01-02T03:04Z`)", "2017-01-02T04:04Z"),
        ("DATE_ADD(second, 1, `2017-01-02T03:04:05.006Z`)", "2017-01-02T03:04:06.006Z"),
        ("DATE_DIFF(year, `2010-01-01T`, `2011-01-01T`)", "1"),
        ("DATE_DIFF(month, `2011T`, `2010T`)", "-12"),
        ("DATE_DIFF(day, `2010-01-01T23:00`, `2010-01-02T01:00`)", "0"),
        ("EXTRACT(MONTH FROM `2010T`)", "1"),
        ("EXTRACT(HOUR FROM `2017-01-02T03:04:05+07:08`)", "3"),
        ("EXTRACT(TIMEZONE_MINUTE FROM `2017-01-02T03:04:05+07:08`)", "8"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y')", '"July 20, 1969"'),
        ("TO_STRING(`1969-07-20T20:18Z`, 'M-d-yy')", "7-20-69"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y h:m a')", '"July 20, 1969 8:18 PM"'),
        ("TO_STRING(`1969-07-20T20:18Z`, 'y-MM-dd''T''H:m:ssX')", "1969-07-20T20:18:00Z"),
        ("TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXX')", "1969-07-20T20:18:00+0800"),
        ("TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXXX')", "1969-07-20T20:18:00+08:00"),
        ("TO_TIMESTAMP('2007-02-23T12:14:33.079-08:00')", "2007-02-23T12:14:33.079-08:00"),
        ("TO_TIMESTAMP('2007T')", "2007T"),
        ("`2010-01-01T00:00Z` = `2010-01-01T01:00+01:00`", "true"),
        ("COALESCE(NULL, MISSING, 1.5, 'x')", "1.5"),
        ("NULLIF(1, 1.0)", ""),
        ("NULL IS NULL AND MISSING IS MISSING AND NOT 1 IS MISSING", "true"),
        ("CASE WHEN 1 = 2 THEN 'a' END", ""),
    ],
)
def test_expressions_have_the_values_of_the_reference(select: Selects, expression: str, expected: str) -> None:
    assert select(b"one\n", f"SELECT {expression} FROM S3Object", NONE) == f"{expected}\n"


@pytest.mark.parametrize(
    ("expression", "given", "expected"),
    [
        ("SELECT s.who.name FROM S3Object s", LINES, [{"name": "Ann"}, {"name": "Bob"}, {}]),
        ("SELECT s.who['Tags'][1] AS tag FROM S3Object[*] s LIMIT 1", LINES, [{"tag": "b"}]),
        ('SELECT s.who."name" FROM S3Object s', LINES, [{"name": "Ann"}, {}, {}]),
        ("SELECT s.price FROM S3Object s WHERE s.price > 2", LINES, [{"price": 2.5}, {"price": 10}]),
        ("SELECT s.id FROM S3Object s WHERE s.price = 'none' OR s.paid = TRUE", LINES, [{"id": 2}, {"id": "x"}]),
        ("SELECT s.id, s.note FROM S3Object s WHERE s.note IS NOT MISSING", LINES, [{"id": 1, "note": None}]),
        ("SELECT s.id FROM S3Object s WHERE s.note IS NULL", LINES, [{"id": 1}, {"id": 2}, {"id": "x"}]),
        ("SELECT s.who FROM S3Object s LIMIT 1", LINES, [{"who": {"name": "Ann", "Tags": ["a", "b"]}}]),
        ("SELECT SUM(s.price), MAX(s.id) FROM S3Object s WHERE s.price > 0", LINES, [{"_1": 12.5, "_2": 2}]),
        ("SELECT s.id FROM S3Object s WHERE s.id IN (2, 3) OR s.price IN ('none')", LINES, [{"id": 2}, {"id": "x"}]),
        ("SELECT s.id FROM S3Object s WHERE s.price IN (5 / 2.0, 10, 'x')", LINES, [{"id": 1}, {"id": 2}]),
        ("SELECT s.id FROM S3Object s WHERE s.price NOT IN (10, 11)", LINES, [{"id": 1}, {"id": "x"}]),
        ("SELECT s.price * 2 AS twice FROM S3Object s WHERE s.id = 1", LINES, [{"twice": 5}]),
        ("SELECT CAST(s.price AS STRING) FROM S3Object s", LINES, [{"_1": "2.5"}, {"_1": "10"}, {"_1": "none"}]),
        ("SELECT id FROM S3Object[*].Rules[*].id", DOCUMENT, [{"id": "1"}, {}, {"id": "2"}, {}]),
        ("SELECT id FROM S3Object[*].Rules[*].id WHERE id IS NOT MISSING", DOCUMENT, [{"id": "1"}, {"id": "2"}]),
        ("SELECT d.expr FROM S3Object[*].Rules[*] d WHERE d.id = '2'", DOCUMENT, [{"expr": "z = DEBUG"}]),
        ("SELECT _1.id FROM S3Object[*].Rules[*] LIMIT 1", DOCUMENT, [{"id": "1"}]),
        ("SELECT * FROM S3Object[*].Rules[0]", DOCUMENT, [{"id": "1"}, {}]),
        ("SELECT COUNT(*) FROM S3Object", DOCUMENT, [{"_1": 2}]),
    ],
)  # fmt: skip
def test_json_is_selected_by_paths(select: Selects, expression: str, given: Any, expected: list[Any]) -> None:
    body = ORDERS if given is LINES else RULES
    answer = select(body, expression, given, {"JSON": {}})
    assert [json.loads(line) for line in answer.splitlines()] == expected


def test_records_of_json_stay_as_they_are(select: Selects) -> None:
    answer = select(ORDERS, "SELECT * FROM S3Object", LINES, {"JSON": {"RecordDelimiter": ";"}})
    assert [json.loads(record) for record in answer.split(";")[:-1]] == [
        json.loads(line) for line in ORDERS.splitlines() if line
    ]
    assert select(b'{"a": 1, "b": "x,y"}', "SELECT * FROM S3Object", LINES) == '1,"x,y"\n'


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        (b"a|b;c|d", {"FieldDelimiter": "|", "RecordDelimiter": ";"}, "a,b\nc,d\n"),
        (b"a,b\r\nc,d\r\n", {}, "a,b\nc,d\n"),
        (b"a,b\r\nc,d\r\n", {"RecordDelimiter": "\r\n"}, "a,b\nc,d\n"),
        (b"'a,1',b\n", {"QuoteCharacter": "'"}, '"a,1",b\n'),
        (b'"say ""hi""",b\n', {}, '"say ""hi""",b\n'),
        (rb'"say \"hi\", \\",b' + b"\n", {"QuoteEscapeCharacter": "\\"}, '"say ""hi"", \\",b\n'),
        (b'"two\nlines",b\nc,d\n', {"AllowQuotedRecordDelimiter": True}, '"two\nlines",b\nc,d\n'),
        (b"%no\na,b\n", {"Comments": "%"}, "a,b\n"),
        (b"head,line\na,b\n", {"FileHeaderInfo": "IGNORE"}, "a,b\n"),
        (b"\xef\xbb\xbfa,b\n", {}, "a,b\n"),
        (b"a\x1fb,c\x1e,d\n", {}, "a\x1fb,c\x1e,d\n"),
        (b'"a\x1f",c\x1e\n', {}, "a\x1f,c\x1e\n"),
        (b"a,,\n,b\n", {}, "a,,\n,b\n"),
        (b"", {}, ""),
    ],
)
def test_csv_comes_in_many_forms(select: Selects, body: bytes, options: Any, expected: str) -> None:
    assert select(body, "SELECT * FROM S3Object", {"CSV": options}) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"QuoteFields": "ALWAYS"}, '"a b","it\'s","","say ""x"""\n'),
        ({"FieldDelimiter": " "}, '"a b" it\'s  "say ""x"""\n'),
        ({"QuoteCharacter": "'", "QuoteEscapeCharacter": "\\"}, "a b,'it\\'s',,say \"x\"\n"),
        ({"RecordDelimiter": "||"}, 'a b,it\'s,,"say ""x"""||'),
    ],
)
def test_csv_goes_out_in_many_forms(select: Selects, options: Any, expected: str) -> None:
    body = b'a b,it\'s,,"say ""x"""\n'
    assert select(body, "SELECT * FROM S3Object", NONE, {"CSV": options}) == expected
    assert select(body, "SELECT _1, _2, _3, _4 FROM S3Object", NONE, {"CSV": options}) == expected


def test_columns_without_names_are_numbered_in_json(select: Selects) -> None:
    body = b"a\nx,y\n"
    everything = "SELECT * FROM S3Object"
    assert select(body, everything, USE, {"JSON": {}}) == '{"a":"x","_2":"y"}\n'
    assert select(body, everything, NONE, {"JSON": {}}) == '{"_1":"a"}\n{"_1":"x","_2":"y"}\n'
    assert select(body, "SELECT _2, 1, _1 AS \"na\"\"me\" FROM S3Object", NONE, {"JSON": {}}).splitlines() == [
        '{"_2":1,"na\\"me":"a"}',
        '{"_2":"y","_2":1,"na\\"me":"x"}',
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_packed_objects_are_unpacked(select: Selects, name: str, pack: Any) -> None:
    given = {**USE, "CompressionType": name}
    parts = pack(b"n\n1\n2") + pack(b"0\n" + b"3\n" * 500_000)
    events = list(select.events(parts, "SELECT COUNT(*), SUM(CAST(n AS INT)) FROM S3Object", given))
    assert events[0]["Records"]["Payload"] == b"500002,1500021\n"
    counts = events[1]["Stats"]["Details"]
    assert counts == {"BytesScanned": len(parts), "BytesProcessed": 1_000_007, "BytesReturned": 15}
    with pytest.raises((ClientError, EventStreamError), match="TruncatedInput"):
        select(parts[:-20], "SELECT * FROM S3Object LIMIT 1000000", given)
    with pytest.raises(ClientError, match=f"InvalidCompressionFormat.*{name} is not applicable"):
        select(PEOPLE, "SELECT * FROM S3Object", given)


@pytest.mark.parametrize(
    ("scan_range", "expected"),
    [
        ({"Start": 0, "End": 4}, "12\n"),
        ({"Start": 5, "End": 9}, "3456\n"),
        ({"Start": 5, "End": 10}, "3456\n78\n"),
        ({"Start": 6, "End": 12}, "78\n"),
        ({"Start": 10}, "78\n90\n"),
        ({"End": 2}, "90\n"),
        ({"Start": 11, "End": 12}, ""),
    ],
)
def test_a_scan_range_has_the_records_that_begin_in_it(select: Selects, scan_range: Any, expected: str) -> None:
    body = b"0\n12\n3456\n78\n90"
    assert select(body, 'SELECT "0" FROM S3Object', USE, ScanRange=scan_range) == expected
    assert select(body, "SELECT * FROM S3Object", LINES, ScanRange=scan_range).removeprefix("0\n") == expected


def test_a_scan_range_is_as_in_the_example_of_the_user_guide(select: Selects) -> None:
    body = b"A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n"
    assert select(body, "SELECT * FROM S3Object", NONE, ScanRange={"Start": 1, "End": 4}) == "C,D\n"


def test_scan_ranges_of_a_large_object_have_each_record_once(select: Selects) -> None:
    body = b"id\n" + b"".join(b"%d\n" % number for number in range(400_000))
    step = 700_001
    found = [
        select(body, "SELECT id FROM S3Object", USE, ScanRange={"Start": at, "End": at + step - 1}).split()
        for at in range(0, len(body), step)
    ]
    assert [number for part in found for number in part] == [str(number) for number in range(400_000)]


PARQUET = """
    SELECT n AS id, 'name ' || n AS "Name", n % 2 = 0 AS even, (n / 3)::DECIMAL(8, 3) AS third, n::DOUBLE / 2 AS half,
        DATE '2020-01-31' AS day, TIMESTAMP '2020-01-01 01:02:03.5' AS at, [n, NULL] AS list, {'a': n} AS deep,
        nullif(n, 1)::SMALLINT AS "not one"
    FROM range(5) AS numbers(n)
"""
ROW_1 = {
    "id": 1,
    "Name": "name 1",
    "even": False,
    "third": 0.333,
    "half": 0.5,
    "day": "2020-01-31",
    "at": "2020-01-01T01:02:03.500Z",
    "list": [1, None],
    "deep": {"a": 1},
    "not one": None,
}


def parquet(query: str, folder: Path, options: str = "") -> bytes:
    file = folder / "data.parquet"
    duckdb.connect().execute(f"COPY ({query}) TO '{file}' (FORMAT parquet {options})")
    return file.read_bytes()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SELECT id, s.\"not one\" FROM S3Object s WHERE s.\"not one\" IS NULL OR even AND third > 1", "1,\n4,4\n"),
        ("SELECT COUNT(*), AVG(half), MAX(id) FROM S3Object WHERE id > 2 LIMIT 1", "2,1.75,4\n"),
        (
            "SELECT name, even, third, half, day, at FROM S3Object WHERE id = 1",
            "name 1,false,0.333,0.5,2020-01-31,2020-01-01T01:02:03.500Z\n",
        ),
        ("SELECT id FROM S3Object WHERE day = `2020-01-31T` AND EXTRACT(HOUR FROM at) = 1 LIMIT 1", "0\n"),
    ],
)  # fmt: skip
def test_parquet_is_selected_by_its_columns(select: Selects, tmp_path: Path, expression: str, expected: str) -> None:
    assert select(parquet(PARQUET, tmp_path), expression, {"Parquet": {}}) == expected


def test_rows_of_parquet_become_records(select: Selects, tmp_path: Path) -> None:
    body, given = parquet(PARQUET, tmp_path), {"Parquet": {}}
    assert json.loads(select(body, "SELECT * FROM S3Object s WHERE s.id = 1", given, {"JSON": {}})) == ROW_1
    with pytest.raises(ClientError, match="MissingHeaders"):
        select(body, "SELECT s.absent FROM S3Object s", given)


def test_a_scan_range_of_parquet_has_the_row_groups_that_begin_in_it(select: Selects, tmp_path: Path) -> None:
    body = parquet("SELECT n FROM range(10000) AS numbers(n)", tmp_path, ", ROW_GROUP_SIZE 2048")
    middle = len(body) // 2
    (count, least), (rest, next_one) = (
        select(body, "SELECT COUNT(*), MIN(n) FROM S3Object", {"Parquet": {}}, ScanRange=scan_range).strip().split(",")
        for scan_range in ({"Start": 0, "End": middle}, {"Start": middle + 1, "End": len(body)})
    )
    assert (least, next_one) == ("0", count)
    assert int(count) + int(rest) == 10_000


def test_an_answer_is_a_stream_of_events(select: Selects) -> None:
    body = b"".join(b"%d,x\n" % number for number in range(400_000))
    events = list(select.events(body, "SELECT _1 FROM S3Object", NONE, RequestProgress={"Enabled": True}))
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "Records"
    assert kinds[-3:] == ["Progress", "Stats", "End"]
    scanned = [event["Progress"]["Details"]["BytesScanned"] for event in events if "Progress" in event]
    assert scanned == sorted(scanned)
    assert len(scanned) > 2
    returned = sum(len(event["Records"]["Payload"]) for event in events if "Records" in event)
    counts = {"BytesScanned": len(body), "BytesProcessed": len(body), "BytesReturned": returned}
    assert events[-2]["Stats"]["Details"] == counts


def test_what_no_record_of_the_answer_needs_is_not_read(select: Selects) -> None:
    body = b"".join(b"%d,x\n" % number for number in range(400_000))
    records, statistics, _ = select.events(body, "SELECT _1 FROM S3Object LIMIT 3", NONE)
    assert records["Records"]["Payload"] == b"0\n1\n2\n"
    assert statistics["Stats"]["Details"]["BytesScanned"] < len(body) / 2


def test_an_error_in_the_middle_ends_the_stream_behind_what_was_found(select: Selects) -> None:
    body = b"".join(b"%d\n" % number for number in range(400_000)) + b"oops\n"
    found = []
    with pytest.raises(EventStreamError, match=r"CastFailed.*cast from STRING to INT") as failed:
        for event in select.events(body, "SELECT CAST(_1 AS INT) FROM S3Object", NONE):
            found.append(event)
    assert failed.value.response["Error"]["Code"] == "CastFailed"
    assert found[0]["Records"]["Payload"].startswith(b"0\n1\n2\n")


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("", "ParseUnexpectedToken"),
        ("DELETE FROM S3Object", "UnsupportedSqlOperation"),
        ("SELECT FROM S3Object", "ParseEmptySelect"),
        ("SELECT *", "ParseSelectMissingFrom"),
        ("SELECT *, _1 FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT _1, * FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT * FROM other", "InvalidTableAlias"),
        ("SELECT * FROM S3Object s WHERE t._1 = '1'", "InvalidTableAlias"),
        ("SELECT * FROM S3Object s WHERE s.absent = '1'", "MissingHeaders"),
        ("SELECT * FROM S3Object a JOIN S3Object b", "ParseMalformedJoin"),
        ("SELECT * FROM S3Object, S3Object", "MultipleDataSourcesUnsupported"),
        ("SELECT * FROM S3Object ORDER BY _1", "UnsupportedSqlStructure"),
        ("SELECT _1, COUNT(*) FROM S3Object GROUP BY _1", "UnsupportedSqlStructure"),
        ("SELECT _1, COUNT(*) FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT * FROM S3Object WHERE COUNT(*) > 1", "UnsupportedSqlStructure"),
        ("SELECT (SELECT 1 FROM S3Object) FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT * FROM (SELECT * FROM S3Object)", "UnsupportedSqlStructure"),
        ("SELECT SUM(*) FROM S3Object", "ParseUnsupportedCallWithStar"),
        ("SELECT MIN(_1, _2) FROM S3Object", "ParseNonUnaryAgregateFunctionCall"),
        ("SELECT SUM(_1) FROM S3Object", "IncorrectSqlFunctionArgumentType"),
        ("SELECT MD5(_1) FROM S3Object", "UnsupportedFunction"),
        ("SELECT LOWER(_1, _2) FROM S3Object", "EvaluatorInvalidArguments"),
        ("SELECT LOWER(5) FROM S3Object", "IncorrectSqlFunctionArgumentType"),
        ("SELECT _1 + 1 FROM S3Object", "InvalidDataType"),
        ("SELECT * FROM S3Object WHERE _1", "InvalidDataType"),
        ("SELECT CAST(_1 AS THING) FROM S3Object", "ParseExpectedTypeName"),
        ("SELECT CAST(_1) FROM S3Object", "ParseCastArity"),
        ("SELECT CAST _1 FROM S3Object", "ParseExpectedLeftParenAfterCast"),
        ("SELECT CAST('' AS INT) FROM S3Object", "CastFailed"),
        ("SELECT CAST('99999999999999999999' AS INT) FROM S3Object", "CastFailed"),
        ("SELECT 9223372036854775807 + 1 FROM S3Object", "IntegerOverflow"),
        ("SELECT 1 / 0 FROM S3Object", "ExternalEvalException"),
        ("SELECT DATE_ADD(week, 1, UTCNOW()) FROM S3Object", "ParseExpectedDatePart"),
        ("SELECT TO_TIMESTAMP('soon') FROM S3Object", "ValueParseFailure"),
        ("SELECT TO_STRING(UTCNOW(), 'yyy') FROM S3Object", "EvaluatorInvalidTimestampFormatPatternSymbol"),
        ("SELECT TO_STRING(UTCNOW(), '''y') FROM S3Object", "EvaluatorUnterminatedTimestampFormatPatternToken"),
        ("SELECT * FROM S3Object WHERE _1 LIKE 5", "LikeInvalidInputs"),
        ("SELECT * FROM S3Object WHERE _1 LIKE 'a!b' ESCAPE '!'", "EvaluatorLikePatternInvalidEscapeSequence"),
        ("SELECT * FROM S3Object LIMIT -1", "EvaluatorNegativeLimit"),
        ("SELECT * FROM S3Object LIMIT x", "ParseExpectedNumber"),
        ("SELECT _1 AS 5 FROM S3Object", "ParseExpectedIdentForAlias"),
        ("SELECT CASE _1 END FROM S3Object", "ParseExpectedWhenClause"),
        ("SELECT _1 FROM S3Object WHERE _1 = 'a", "LexerInvalidChar"),
        ("SELECT _1 FROM S3Object; SELECT 1", "ParseUnexpectedToken"),
        ("SELECT " + "(" * 100 + "1" + ")" * 100 + " FROM S3Object", "MaxOperatorsExceeded"),
        ("SELECT " + "(" * 50 + "1" + " BETWEEN 1 AND 2)" * 50 + " FROM S3Object", "MaxOperatorsExceeded"),
        ("SELECT _1" + ".a" * 100 + " FROM S3Object", "MaxOperatorsExceeded"),
        ("SELECT '" + "x" * 256 * 1024 + "' FROM S3Object", "ExpressionTooLong"),
        # The words of these answers were recorded on AWS.
        ("SELECT * FROM S3OBJECT WHERE odd = true", "InvalidColumnIndex.*column index at line 1, column 30 is invalid"),
        (
            "SELECT * FROM S3OBJECT s WHERE s.'odd' is \"true\"",
            "ParseInvalidPathComponent.*expecting either an IDENTIFIER or STAR, got: LITERAL,at line 1, column 34",
        ),
        (
            'SELECT * FROM S3OBJECT s WHERE s.odd is "true"',
            "ParseExpectedTypeName.*Expected type name, found QUOTED_IDENTIFIER:'true' at line 1, column 41",
        ),
        ("SELECT * FROM S3OBJECT WHERE s.\"oddf\" = 'true'", "InvalidTableAlias.*specified at line 1, column 30"),
    ],
)
def test_an_expression_that_cannot_run_is_refused_by_name(select: Selects, expression: str, code: str) -> None:
    with pytest.raises(ClientError, match=code) as refused:
        select(b"1,2\n", expression, NONE)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("body", "given", "code"),
    [
        (b'"a\nb",c\n', NONE, "CSVEscapingRecordDelimiter"),
        (b'"a"b,c\n', NONE, "CSVUnescapedQuote"),
        (b"\xff\xfe\n", NONE, "InvalidTextEncoding.*near byte 0"),
        (b"x" * 1_200_000, NONE, "OverMaxRecordSize"),
        (b"x,y\n1,2\n", LINES, "JSONParsingError"),
        (b'{"a": 1} {', DOCUMENT, "JSONParsingError"),
        (b"PAR1 no, it is not", {"Parquet": {}}, "ParquetParsingError"),
        (b"x\n", {"CSV": {}, "JSON": {"Type": "LINES"}}, "ObjectSerializationConflict"),
        (b"x\n", {"CSV": {}, "CompressionType": "ZSTD"}, "InvalidCompressionFormat"),
        (b"x\n", {"CSV": {"FileHeaderInfo": "MAYBE"}}, "InvalidFileHeaderInfo"),
        (b"x\n", {"CSV": {"FieldDelimiter": ""}}, "InvalidRequestParameter"),
        (b"x\n", {"JSON": {"Type": "XML"}}, "InvalidJsonType"),
        (b"x\n", {}, "MissingRequiredParameter"),
    ],
)
def test_an_object_that_is_not_what_the_request_says_is_refused(
    select: Selects, body: bytes, given: Any, code: str
) -> None:
    with pytest.raises(ClientError, match=code):
        select(body, "SELECT * FROM S3Object", given)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ScanRange": {"Start": 5, "End": 2}}, "InvalidScanRange"),
        ({"ScanRange": {"Start": 1000}}, "InvalidScanRange"),
        ({"wanted": {"CSV": {}, "JSON": {}}}, "ObjectSerializationConflict"),
        ({"wanted": {"CSV": {"QuoteFields": "NEVER"}}}, "InvalidQuoteFields"),
        (
            {"given": {"CSV": {"AllowQuotedRecordDelimiter": True}}, "ScanRange": {"Start": 1}},
            "UnsupportedScanRangeInput",
        ),
        ({"given": {"CSV": {}, "CompressionType": "GZIP"}, "ScanRange": {"Start": 1}}, "UnsupportedScanRangeInput"),
        ({"given": DOCUMENT, "ScanRange": {"Start": 1}}, "UnsupportedScanRangeInput"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(select: Selects, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        select(b"x,y\n", "SELECT * FROM S3Object", **{"given": NONE, **more})


def test_words_of_the_request_need_no_capitals(select: Selects) -> None:
    body, given = gzip.compress(PEOPLE), {"CSV": {"FileHeaderInfo": "Use"}, "CompressionType": "Gzip"}
    assert select(body, "SELECT s.name FROM S3Object s LIMIT 1", given, {"CSV": {"QuoteFields": "Always"}}) == '"Ann"\n'
    assert select(ORDERS, "SELECT COUNT(*) FROM S3Object", {"JSON": {"Type": "Lines"}}) == "3\n"


def test_a_name_that_two_columns_have_is_ambiguous_unless_it_is_quoted(select: Selects) -> None:
    body = b"id,Id,x\n1,2,3\n"
    assert select(body, 'SELECT s."Id", s.id FROM S3Object s', USE) == "2,1\n"
    with pytest.raises(ClientError, match="AmbiguousFieldName"):
        select(body, "SELECT s.ID FROM S3Object s", USE)


@pytest.mark.parametrize(
    "expression",
    [
        "SELECT read_text('/etc/passwd') FROM S3Object",
        "SELECT getenv('HOME') FROM S3Object",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM S3Object; ATTACH '/tmp/x'",
        "SELECT $text FROM S3Object",
        'SELECT "f" FROM S3Object',
        "PRAGMA version",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT _1::INT FROM S3Object",
        "SELECT [x for x in f] FROM S3Object",
    ],
)
def test_an_expression_reaches_nothing_of_the_engine_below(select: Selects, expression: str) -> None:
    with pytest.raises(ClientError) as refused:
        select(b"1,2\n", expression, NONE)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_strings_and_names_are_never_part_of_a_statement(select: Selects, tmp_path: Path) -> None:
    strange = "'; DROP TABLE x; -- $text $p0 \" \\ \u2028"
    literal, name = strange.replace("'", "''"), strange.replace('"', '""')
    answer = select(b"1\n", f"SELECT '{literal}' AS \"{name}\" FROM S3Object", NONE, {"JSON": {}})
    assert json.loads(answer) == {strange: strange}
    body = parquet('SELECT 7 AS "a "" $x $p0 \' b"', tmp_path)
    assert json.loads(select(body, "SELECT * FROM S3Object", {"Parquet": {}}, {"JSON": {}})) == {"a \" $x $p0 ' b": 7}


def test_objects_in_other_storage_classes_cannot_be_queried(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="cold", Body=b"1\n", StorageClass="REDUCED_REDUNDANCY")
    with pytest.raises(ClientError, match=r"UnsupportedStorageClass.*We do not support REDUCED_REDUNDANCY"):
        s3.select_object_content(
            Bucket=bucket,
            Key="cold",
            Expression="SELECT * FROM S3Object",
            ExpressionType="SQL",
            InputSerialization=NONE,
            OutputSerialization={"CSV": {}},
        )


def test_an_object_under_a_key_of_the_customer_is_queried_with_that_key_only(
    s3: Any, bucket: str, tmp_path: Path
) -> None:
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    query = {"Bucket": bucket, "Key": "data", "Expression": "SELECT MAX(n) FROM S3Object", "ExpressionType": "SQL"}
    for body, given in (
        (b"n\n" + b"3\n" * 100_000, USE),
        (parquet("SELECT 3 AS n FROM range(100000)", tmp_path), {"Parquet": {}}),
    ):
        s3.put_object(Bucket=bucket, Key="data", Body=body, **key)
        forms = {"InputSerialization": given, "OutputSerialization": {"CSV": {}}}
        events = list(s3.select_object_content(**query, **forms, **key)["Payload"])
        assert events[0]["Records"]["Payload"] == b"3\n"
        for wrong in ({}, {**key, "SSECustomerKey": b"x" * 32}):
            with pytest.raises(ClientError):
                s3.select_object_content(**query, **forms, **wrong)


def test_readers_that_go_away_hold_up_nobody(select: Selects) -> None:
    body = b"".join(b"%d,some more of it\n" % number for number in range(200_000))
    for _ in range(SESSIONS_MAX + 1):
        stream = select.events(body, "SELECT * FROM S3Object", NONE)
        next(stream)
        stream.close()
    assert select(b"1\n", "SELECT * FROM S3Object", NONE) == "1\n"
