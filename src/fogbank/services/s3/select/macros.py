"""What S3 Select means and SQL does not: values of any type, casts that fail, timestamps with offset and precision.

Each is a macro of the SQL engine, defined in every session. A value of JSON that is MISSING is SQL's NULL; a JSON null
is a value. A timestamp is a struct: `at` as its clock shows, `off` minutes from UTC, and precision `p`: 0 year,
1 month, 2 day, 3 minute, 4 second, 5 and more the digits behind it.

Errors are raised as `code|sentence`; an empty sentence is the code's usual one.
"""

_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
_TIMESTAMP = (
    r"^(\d{4})(?:T|-(\d\d)T|-(\d\d)-(\d\d)T?|-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)$"
)
_PARTS = "['y', 'm1', 'm2', 'd2', 'm3', 'd3', 'h', 'mi', 's', 'f', 'z']"


def _failed(source: str, target: str) -> str:
    return (
        f"error('CastFailed|Attempt to convert from one data type to another failed: cast from {source} to {target}.')"
    )


def _cast(name: str, target: str, of_text: str, of_number: str, of_bool: str) -> str:
    """From a JSON value: by what it is."""
    return f"""s3_any_to_{name}(j) AS CASE
        WHEN s3_absent(j) THEN NULL
        WHEN json_type(j) = 'VARCHAR' THEN {of_text}
        WHEN s3_is_number(j) THEN {of_number}
        WHEN json_type(j) = 'BOOLEAN' THEN {of_bool}
        ELSE {_failed("STRUCT", target)} END"""


MACROS = tuple(
    f"CREATE TEMP MACRO {text}"
    for text in (
        # ---- values of JSON
        "s3_absent(j) AS j IS NULL OR json_type(j) = 'NULL'",
        "s3_present(j) AS CASE WHEN NOT s3_absent(j) THEN j END",
        "s3_is_number(j) AS json_type(j) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')",
        "s3_is_integer(j) AS json_type(j) IN ('BIGINT', 'UBIGINT', 'HUGEINT')",
        "s3_text(j) AS j ->> '$'",
        """s3_field(j, k) AS CASE WHEN json_type(j) = 'OBJECT'
            THEN json_extract(j, '/' || replace(replace(k, '~', '~0'), '/', '~1')) END""",
        """s3_any_field(j, k) AS CASE WHEN json_type(j) = 'OBJECT' THEN coalesce(s3_field(j, k),
            s3_field(j, list_filter(json_keys(j), lambda x: lower(x) = lower(k))[1])) END""",
        "s3_element(j, i) AS CASE WHEN json_type(j) = 'ARRAY' THEN json_extract(j, '/' || i) END",
        """s3_elements(j) AS CASE WHEN json_type(j) = 'ARRAY' AND json_array_length(j) > 0
            THEN json_extract(j, '$[*]') ELSE [NULL::JSON] END""",
        """s3_fields(j) AS CASE WHEN json_type(j) = 'OBJECT' AND len(json_keys(j)) > 0
            THEN json_extract(j, '$.*') ELSE [NULL::JSON] END""",
        "s3_bool(j) AS CASE WHEN json_type(j) = 'BOOLEAN' THEN j::VARCHAR = 'true' END",
        """s3_string(j, code) AS CASE WHEN s3_absent(j) THEN NULL
            WHEN json_type(j) = 'VARCHAR' THEN s3_text(j) ELSE error(code || '|') END""",
        """s3_number(j, code) AS CASE WHEN s3_absent(j) THEN NULL
            WHEN s3_is_number(j) THEN j::DOUBLE ELSE error(code || '|') END""",
        "s3_order(x, y) AS CASE WHEN x < y THEN -1 WHEN x = y THEN 0 WHEN x > y THEN 1 END",
        """s3_compare(a, b) AS CASE
            WHEN json_type(a) = 'VARCHAR' AND json_type(b) = 'VARCHAR' THEN s3_order(s3_text(a), s3_text(b))
            WHEN s3_is_integer(a) AND s3_is_integer(b) THEN s3_order(a::HUGEINT, b::HUGEINT)
            WHEN s3_is_number(a) AND s3_is_number(b) THEN s3_order(a::DOUBLE, b::DOUBLE)
            WHEN json_type(a) = 'BOOLEAN' AND json_type(b) = 'BOOLEAN' THEN s3_order(a::VARCHAR, b::VARCHAR)
            WHEN json_type(a) IN ('ARRAY', 'OBJECT') AND json(a) = json(b) THEN 0 END""",
        """s3_equal(a, b) AS CASE WHEN s3_absent(a) OR s3_absent(b) THEN NULL
            ELSE coalesce(s3_compare(a, b) = 0, false) END""",
        # ---- casts
        f"""s3_string_to_int(s) AS CASE WHEN s IS NULL THEN NULL WHEN regexp_full_match(s, '[+-]?\\d+')
            THEN s::BIGINT ELSE {_failed("STRING", "INT")} END""",
        f"""s3_string_to_float(s) AS CASE WHEN s IS NULL THEN NULL WHEN regexp_full_match(s, '{_NUMBER}')
            THEN s::DOUBLE ELSE {_failed("STRING", "FLOAT")} END""",
        f"""s3_string_to_decimal(s) AS CASE WHEN s IS NULL THEN NULL WHEN regexp_full_match(s, '{_NUMBER}')
            THEN s::DECIMAL(38, 10) ELSE {_failed("STRING", "DECIMAL")} END""",
        f"""s3_string_to_bool(s) AS CASE lower(s) WHEN 'true' THEN true WHEN 'false' THEN false
            ELSE CASE WHEN s IS NOT NULL THEN {_failed("STRING", "BOOL")} END END""",
        f"""s3_string_to_timestamp(s, failure) AS CASE WHEN s IS NULL THEN NULL
            WHEN regexp_full_match(s, '{_TIMESTAMP}') THEN s3_timestamp(regexp_extract(s, '{_TIMESTAMP}', {_PARTS}))
            ELSE error(failure) END""",
        _cast("int", "INT", "s3_string_to_int(s3_text(j))",
              "CASE WHEN s3_is_integer(j) THEN j::BIGINT ELSE trunc(j::DOUBLE)::BIGINT END", "s3_bool(j)::BIGINT"),
        _cast("float", "FLOAT", "s3_string_to_float(s3_text(j))", "j::DOUBLE", "s3_bool(j)::BIGINT::DOUBLE"),
        _cast("decimal", "DECIMAL", "s3_string_to_decimal(s3_text(j))", "s3_text(j)::DECIMAL(38, 10)",
              "s3_bool(j)::BIGINT::DECIMAL(38, 10)"),
        _cast("bool", "BOOL", "s3_string_to_bool(s3_text(j))", "j::DOUBLE <> 0", "s3_bool(j)"),
        _cast("string", "STRING", "s3_text(j)", "s3_text(j)", "s3_text(j)"),
        # ---- timestamps
        "s3_digits(a, b, otherwise) AS coalesce(nullif(a, ''), nullif(b, ''), otherwise)::BIGINT",
        """s3_timestamp(g) AS {
            'at': make_timestamp(g.y::BIGINT, s3_digits(g.m1 || g.m2, g.m3, '1'), s3_digits(g.d2, g.d3, '1'),
                s3_digits(g.h, '', '0'), s3_digits(g.mi, '', '0'),
                (s3_digits(g.s, '', '0') || '.' || g.f || '0')::DOUBLE),
            'off': CASE WHEN g.z IN ('', 'Z') THEN 0
                ELSE (g.z[2:3]::INTEGER * 60 + g.z[5:6]::INTEGER) * CASE WHEN g.z[1] = '-' THEN -1 ELSE 1 END END,
            'p': CASE WHEN g.m1 || g.m2 || g.m3 = '' THEN 0 WHEN g.m1 <> '' THEN 1 WHEN g.m2 <> '' THEN 2
                WHEN g.s = '' THEN 3 ELSE 4 + least(length(g.f), 6) END}""",
        """s3_of_timestamp(x, digits) AS CASE WHEN x IS NOT NULL
            THEN {'at': x::TIMESTAMP, 'off': 0, 'p': digits} END""",
        "s3_utc(t) AS t.at - to_minutes(t.off)",
        "s3_two(n) AS lpad((n)::VARCHAR, 2, '0')",
        """s3_zone(t, colon, zero) AS CASE WHEN t.off = 0 THEN zero
            ELSE CASE WHEN t.off < 0 THEN '-' ELSE '+' END || s3_two(abs(t.off) // 60) || colon
                || s3_two(abs(t.off) % 60) END""",
        """s3_timestamp_text(t) AS CASE t.p
            WHEN 0 THEN strftime(t.at, '%YT')
            WHEN 1 THEN strftime(t.at, '%Y-%mT')
            WHEN 2 THEN strftime(t.at, '%Y-%m-%d')
            WHEN 3 THEN strftime(t.at, '%Y-%m-%dT%H:%M') || s3_zone(t, ':', 'Z')
            ELSE strftime(t.at, '%Y-%m-%dT%H:%M:%S')
                || CASE WHEN t.p > 4 THEN '.' || left(strftime(t.at, '%f'), t.p - 4) ELSE '' END
                || s3_zone(t, ':', 'Z') END""",
        # ---- arithmetic and text
        "s3_unless_zero(n) AS CASE WHEN n = 0 THEN error('ExternalEvalException|') ELSE n END",
        "s3_float_text(x) AS regexp_replace(x::VARCHAR, '\\.0$', '')",
        "s3_decimal_text(x) AS regexp_replace(regexp_replace(x::VARCHAR, '(\\.\\d*?)0+$', '\\1'), '\\.$', '')",
        """s3_substring(s, first, length) AS CASE WHEN first < 1
            THEN substring(s, 1, greatest(length + first - 1, 0)) ELSE substring(s, first, greatest(length, 0)) END""",
        """s3_record_json(r) AS CASE WHEN r IS NULL THEN '{}' WHEN json_type(r) = 'OBJECT' THEN json(r)::VARCHAR
            ELSE '{"_1":' || json(r)::VARCHAR || '}' END""",
        """s3_flat(j) AS CASE WHEN s3_absent(j) THEN '' WHEN json_type(j) IN ('ARRAY', 'OBJECT')
            THEN error('UnsupportedSqlStructure|') ELSE s3_text(j) END""",
    )
)  # fmt: skip
