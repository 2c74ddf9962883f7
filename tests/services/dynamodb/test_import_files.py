"""Records of imported objects, however the object arrives."""

import gzip

import pytest

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.import_files import RECORD_BYTES_MAX, CsvItems, MalformedObject, RecordReader, json_item

RECORDS = [b'a,"two\nlines, ""quoted"""', b"b,2\r", b"c,3"]
CONTENT = b"\n".join((RECORDS[0], b"", *RECORDS[1:]))


def read(content: bytes, *, size: int, compressed: bool = False) -> list[bytes]:
    reader = RecordReader(gzip=compressed, quotes=True)
    chunks = [content[first : first + size] for first in range(0, len(content), size)]
    return [record for chunk in chunks for record in reader.feed(chunk)] + list(reader.finish())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_records_are_the_same_however_an_object_arrives(size: int) -> None:
    first, rest = CONTENT[:20], CONTENT[20:]

    assert read(CONTENT, size=size) == RECORDS
    assert read(gzip.compress(CONTENT), size=size, compressed=True) == RECORDS
    members = gzip.compress(first) + gzip.compress(rest)
    assert read(members, size=size, compressed=True) == RECORDS


@pytest.mark.parametrize(
    ("content", "compressed"),
    [
        (CONTENT, True),
        (gzip.compress(CONTENT)[:-5], True),
        (b'a,"no end\nb,2\n', False),
        (b"x" * (RECORD_BYTES_MAX + 1), False),
    ],
    ids=["not compressed", "cut off", "an open quote", "one endless record"],
)
def test_an_object_that_cannot_be_read_on_says_so(content: bytes, compressed: bool) -> None:
    with pytest.raises(MalformedObject):
        read(content, size=100_000, compressed=compressed)


def test_a_large_member_is_unpacked_piece_by_piece() -> None:
    line = b"x" * 99
    assert read(gzip.compress((line + b"\n") * 100_000), size=10_000_000, compressed=True) == [line] * 100_000


def test_values_of_csv_are_strings_but_for_keys() -> None:
    items = CsvItems({}, {"n": "N", "id": "S"})
    assert items.wants_header
    items.read_header(b"\xef\xbb\xbfid,n,text")

    assert items.item(b'a,12,"1,5"') == {"id": {"S": "a"}, "n": {"N": "12"}, "text": {"S": "1,5"}}
    with pytest.raises(Validation, match="2 values for 3 columns"):
        items.item(b"a,12")
    named = CsvItems({"Delimiter": ";", "HeaderList": ["id", "n"]}, {"id": "S"})
    assert not named.wants_header
    assert named.item(b"a;7") == {"id": {"S": "a"}, "n": {"S": "7"}}


@pytest.mark.parametrize("line", [b"", b"[]", b'{"id": {"S": "a"}}', b'{"Item": 1}', b"\xff"])
def test_a_line_without_an_item_is_none(line: bytes) -> None:
    with pytest.raises(Validation):
        json_item(line)


@pytest.mark.parametrize("size", [1, 1000])
def test_a_line_of_json_may_have_several_documents(size: int) -> None:
    content = b'{"a": "} {"}{"b": {}}  {"c": 1}\n\n{"d": 2} {"broken": \n'
    reader = RecordReader(gzip=False, quotes=False)
    chunks = [content[first : first + size] for first in range(0, len(content), size)]
    records = [record for chunk in chunks for record in reader.feed(chunk)] + list(reader.finish())
    assert records == [b'{"a": "} {"}', b'{"b": {}}', b'{"c": 1}', b'{"d": 2}', b'{"broken":']
