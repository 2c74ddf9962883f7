"""What Insights means and SQL does not: loosely typed values, and how they are shown.

Each is a macro of the SQL engine, defined in every session. A macro names its argument once, unless it says so: what
stands for it is written as often as it is named. What cannot be computed is NULL, a field that is missing.
"""

_NUMBER = r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d\d?)?\s*$"
_BYTE = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"

MACROS = tuple(
    f"CREATE TEMP MACRO {text}"
    for text in (
        # ---- numbers and texts
        f"cwl_number(s) AS TRY_CAST(nullif(regexp_extract(s, '{_NUMBER}'), '') AS DOUBLE)",
        # At most four digits behind the point, as in Insights; infinity and what is no number are missing.
        r"""cwl_show(x) AS nullif(regexp_replace(
            regexp_extract(format('{:.4f}', round(x, 4) + 0.0), '^-?[\d.]+$'), '\.?0+$', ''), '')""",
        # All digits: for what is still computed with.
        r"cwl_exact(x) AS regexp_replace(regexp_extract((x)::VARCHAR, '^-?\d.*$'), '\.0$', '')",
        # As Java shows a double; names its argument more than once.
        r"""cwl_double(x) AS CASE WHEN abs(x) >= 1e7
            THEN (x / pow(10, floor(log10(abs(x)))))::VARCHAR || 'E' || floor(log10(abs(x)))::INTEGER
            ELSE x::VARCHAR END""",
        # Milliseconds that are a time: up to some 30,000 years from 1970.
        "cwl_moment(x) AS TRY_CAST(x AS DECIMAL(15, 0))::BIGINT",
        # The length or place of a text.
        "cwl_size(x) AS least(greatest(x, 0), 1e9)::BIGINT",
        "cwl_flag(b) AS (b)::INTEGER::VARCHAR",
        "cwl_time(t) AS strftime(make_timestamp_ms(t), '%Y-%m-%d %H:%M:%S.%g')",
        # Texts are in order where numbers in them are: by their length, then by their digits.
        r"""cwl_natural(s) AS list_transform(regexp_extract_all(s, '\d+|\D+'),
            lambda x: CASE WHEN x[1] BETWEEN '0' AND '9' THEN lpad(length(x)::VARCHAR, 7, '0') || x ELSE x END)""",
        # ---- values of JSON; these name their argument more than once
        """cwl_scalar(j) AS CASE json_type(j)
            WHEN 'VARCHAR' THEN j ->> '$'
            WHEN 'BOOLEAN' THEN CASE WHEN j::VARCHAR = 'true' THEN '1' ELSE '0' END
            WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL
            ELSE j::VARCHAR END""",
        """cwl_shown_json(j) AS CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY') THEN json(j)::VARCHAR
            ELSE cwl_scalar(j) END""",
        """cwl_elements(j) AS CASE WHEN json_type(j) = 'ARRAY' THEN json_extract(j, '$[*]') ELSE [j] END""",
        # ---- addresses
        f"""cwl_ipv4(s) AS list_reduce(list_transform(string_split(
            regexp_extract(s, '^({_BYTE}\\.){{3}}{_BYTE}$'), '.'),
            lambda x: TRY_CAST(x AS UHUGEINT)), lambda a, b: a * 256 + b)""",
        # The groups before and behind `::`; the address in eight groups; its number.
        r"""cwl_ipv6(s) AS list_transform(list_transform(
            [string_split(regexp_extract(lower(s), '^(:|[0-9a-f])*$'), '::')],
            lambda v: {
                'ends': len(v),
                'left': list_filter(string_split(v[1], ':'), lambda x: v[1] <> ''),
                'right': list_filter(string_split(coalesce(v[2], ''), ':'), lambda x: coalesce(v[2], '') <> '')}),
            lambda w: CASE WHEN (w.ends = 1 AND len(w.left) = 8) OR (w.ends = 2 AND len(w.left) + len(w.right) < 8)
                THEN CASE WHEN len(list_filter(list_concat(w.left, w.right),
                        lambda x: NOT regexp_full_match(x, '[0-9a-f]{1,4}'))) = 0
                    THEN list_reduce(list_transform(
                        list_concat(w.left, list_transform(range(8 - len(w.left) - len(w.right)), lambda x: '0'),
                            w.right),
                        lambda x: ('0x' || x)::UHUGEINT), lambda a, b: a * 65536 + b) END END)[1]""",
    )
)  # fmt: skip
