"""Types as Hive writes them."""

import pytest

from fogbank.engines.columnar.hive_types import BadType, parse_hive_type
from fogbank.engines.columnar.interface import Array, DecimalType, Field, Map, Scalar, Struct, Text, Type

INT, STRING = Scalar("int"), Scalar("string")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INT", INT),
        ("integer", INT),
        (" long ", Scalar("bigint")),
        ("double precision", Scalar("double")),
        ("decimal", DecimalType(10, 0)),
        ("decimal(7)", DecimalType(7, 0)),
        ("Decimal( 38 , 12 )", DecimalType(38, 12)),
        ("char(3)", Text(3)),
        ("array<map<string,int>>", Array(Map(STRING, INT))),
        (
            "struct<a:int, `b c`:array<string>,D:struct<e:date>>",
            Struct(
                (
                    Field("a", INT),
                    Field("b c", Array(STRING)),
                    Field("D", Struct((Field("e", Scalar("date")),))),
                )
            ),
        ),
    ],
)
def test_a_type_is_read(text: str, expected: Type) -> None:
    assert parse_hive_type(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "int>",
        "array",
        "array<int",
        "array<>",
        "map<int>",
        "map<array<int>,int>",
        "struct<>",
        "struct<a>",
        "struct<a:int,A:int>",
        "decimal(39)",
        "decimal(5,6)",
        "decimal(x)",
        "varchar(0)",
        "varchar(65536)",
        "char(256)",
        "varchar",
        "int int",
        "array<" * 50 + "int" + ">" * 50,
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(BadType):
        parse_hive_type(text)
