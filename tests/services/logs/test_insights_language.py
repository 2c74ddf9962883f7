"""The query language of Logs Insights: events, a query, and the rows that it gives."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.logs.insights import ask, put_events, rows

Rows = list[dict[str, str]]

JSON = (
    '{"level": "INFO", "ms": 12, "user": {"name": "ana", "roles": ["a", {"id": 7}]}, "ok": true}',
    '{"level": "ERROR", "ms": 250.5, "user": {"name": "bob"}, "ok": false, "code": "404"}',
    '{"level": "INFO", "ms": 8, "a.b": "dotted", "@odd": 1, "none": null}',
    "no JSON {at all",
)
PLAIN = (
    "[ERROR] user=ana, method:GET, latency := 20",
    "[INFO] user=bob, method:PUT, latency := 5",
    "[INFO] nothing here",
)
REPORT = (
    "REPORT RequestId: 8f5d3a50-1111-2222-3333-444455556666\tDuration: 12.34 ms\tBilled Duration: 100 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 50 MB\tInit Duration: 100.1 ms\t\n"
)
LAMBDA = (
    "START RequestId: 8f5d3a50-1111-2222-3333-444455556666 Version: $LATEST\n",
    '2026-01-01T00:00:00.000Z\t8f5d3a50-1111-2222-3333-444455556666\tINFO\tmade {"order": {"id": 5}}\n',
    "[INFO]\t2026-01-01T00:00:00.000Z\t8f5d3a50-1111-2222-3333-444455556666\tplain\n",
    REPORT,
)
FLOW = (
    "2 123456789010 eni-1235b8ca1234567 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
)

CASES: list[tuple[str, tuple[str, ...], str, Rows]] = [
    # ---- fields and display
    ("two fields", JSON[:2], "fields level, ms", [{"level": "ERROR", "ms": "250.5"}, {"level": "INFO", "ms": "12"}]),
    ("a field that is missing is left out", JSON[:2], "fields code", [{"code": "404"}, {}]),
    (
        "nested fields",
        JSON[:1],
        "fields user.name, user.roles.0, user.roles.1.id",
        [{"user.name": "ana", "user.roles.0": "a", "user.roles.1.id": "7"}],
    ),
    ("truth is a number", JSON[:2], "fields ok", [{"ok": "0"}, {"ok": "1"}]),
    ("objects are no values", JSON[:1], "fields user, none", [{}]),
    (
        "keys with dots and @",
        JSON[2:3],
        "fields a.b, `a.b` as c, @@odd, @odd",
        [{"a.b": "dotted", "c": "dotted", "@@odd": "1"}],
    ),
    ("an alias is used later", JSON[:2], "fields ms * 2 as twice | filter twice > 100", [{"twice": "501"}]),
    ("without fields the message is shown", PLAIN[2:], "filter @message like /nothing/", [{"@message": PLAIN[2]}]),
    ("display has the last word", JSON[:1], "fields level | display ms | display ok", [{"ok": "1"}]),
    (
        "commands in lines, comments and capitals",
        JSON[:1],
        "FIELDS level # what happened\n# | filter ms > 100\n| LIMIT 5",
        [{"level": "INFO"}],
    ),
    # ---- filter
    ("equal texts", JSON, 'filter level = "ERROR" | fields ms', [{"ms": "250.5"}]),
    ("different texts", JSON, "filter level != 'ERROR' | fields ms", [{"ms": "8"}, {"ms": "12"}]),
    ("numbers are compared as numbers", JSON, "filter ms > 9 | fields ms", [{"ms": "250.5"}, {"ms": "12"}]),
    ("a text that looks like a number is one", JSON, "filter code = 404 | fields code", [{"code": "404"}]),
    ("a number as a text", JSON, 'filter ms = "12" | fields ms', [{"ms": "12"}]),
    (
        "and, or, not",
        JSON,
        "filter (level = 'INFO' and ms < 10) or not (ok = 1) | fields ms",
        [{"ms": "8"}, {"ms": "250.5"}],
    ),
    ("in a list", JSON, 'filter level in ["ERROR", "FATAL"] or ms in [8] | fields ms', [{"ms": "8"}, {"ms": "250.5"}]),
    ("not in a list", JSON, 'filter level not in ["INFO"] | fields ms', [{"ms": "250.5"}]),
    ("like a part", PLAIN, 'filter @message like "user=" | fields 1 as one', [{"one": "1"}, {"one": "1"}]),
    ("like an expression", PLAIN, "filter @message like /method:(GET|POST)/ | fields 1 as one", [{"one": "1"}]),
    ("any case", PLAIN, "filter @message like /(?i)error/ | fields 1 as one", [{"one": "1"}]),
    ("=~", PLAIN, "filter @message =~ /^.INFO/ | fields 1 as one", [{"one": "1"}, {"one": "1"}]),
    ("not like", PLAIN, "filter @message not like /user/ | fields 1 as one", [{"one": "1"}]),
    (
        "a slash in an expression",
        ("a/b", "ab"),
        r"filter @message like /a\/b/ | fields @message",
        [{"@message": "a/b"}],
    ),
    ("ispresent", JSON, "filter ispresent(code) | fields ms", [{"ms": "250.5"}]),
    ("isblank", (" ", "x"), "filter isblank(@message) | fields strlen(@message) as n", [{"n": "1"}]),
    ("filterIndex filters", JSON, 'filterIndex level = "ERROR" | fields ms', [{"ms": "250.5"}]),
    ("fields of the event", PLAIN[2:], 'filter @logStream = "one" | fields @logStream', [{"@logStream": "one"}]),
    # ---- sort, limit, dedup
    ("sort by numbers", JSON, "fields ms | sort ms asc | limit 3", [{}, {"ms": "8"}, {"ms": "12"}]),
    (
        "sort by several",
        JSON[:3],
        "sort level desc, ms | fields level, ms",
        [{"level": "INFO", "ms": "8"}, {"level": "INFO", "ms": "12"}, {"level": "ERROR", "ms": "250.5"}],
    ),
    (
        "numbers in texts sort by their value",
        ("v10", "v9", "5", "x"),
        "fields @message | sort @message",
        [{"@message": "v9"}, {"@message": "v10"}, {"@message": "x"}, {"@message": "5"}],
    ),
    ("what follows a limit sees its rows", JSON, "limit 2 | filter ispresent(level) | fields ms", [{"ms": "8"}]),
    (
        "dedup keeps the latest, and what is missing",
        JSON,
        "fields level, ms | dedup level",
        [{}, {"level": "INFO", "ms": "8"}, {"level": "ERROR", "ms": "250.5"}],
    ),
    (
        "dedup keeps the first of the order",
        JSON,
        "filter ispresent(level) | fields ms | sort ms desc | dedup level",
        [{"ms": "250.5"}, {"ms": "12"}],
    ),
    # ---- parse
    (
        "parse a glob",
        PLAIN[:1],
        'parse @message "user=*, method:*, latency := *" as @user, @method, @latency '
        "| display @user, @method, @latency",
        [{"@user": "ana", "@method": "GET", "@latency": "20"}],
    ),
    (
        "what does not match stays, without the fields",
        PLAIN[1:],
        'parse @message "user=*, " as user | display user',
        [{}, {"user": "bob"}],
    ),
    (
        "parse an expression",
        PLAIN[:1],
        r"parse @message /user=(?<u>.*?), method:(?<m>\w+)/ | display u, m",
        [{"u": "ana", "m": "GET"}],
    ),
    ("parsed fields are shown", PLAIN[:1], 'fields 1 as one | parse "[*]" as level', [{"one": "1", "level": "ERROR"}]),
    (
        "a glob begins where it says",
        PLAIN[:1],
        'parse @message "* user" as first | display first',
        [{"first": "[ERROR]"}],
    ),
    ("parsed numbers are numbers", PLAIN, 'parse @message "latency := *" as ms | stats sum(ms)', [{"sum(ms)": "25"}]),
    # ---- stats
    ("counts", JSON, "stats count(*), count() as n, count(code)", [{"count(*)": "4", "n": "4", "count(code)": "1"}]),
    (
        "sums",
        JSON,
        "stats sum(ms), avg(ms), min(ms), max(ms)",
        [{"sum(ms)": "270.5", "avg(ms)": "90.1667", "min(ms)": "8", "max(ms)": "250.5"}],
    ),
    (
        "percentiles",
        JSON,
        "stats pct(ms, 50), median(ms), pct(ms, 100) as top, stddev(ms)",
        [{"pct(ms, 50)": "12", "median(ms)": "12", "top": "250.5", "stddev(ms)": "138.8671"}],
    ),
    (
        "distinct values",
        JSON,
        "stats count_distinct(level), count_distinct(nothing)",
        [{"count_distinct(level)": "2", "count_distinct(nothing)": "0"}],
    ),
    (
        "earliest and latest",
        JSON,
        "stats earliest(ms), latest(ms), sortsFirst(level), sortsLast(level)",
        [{"earliest(ms)": "12", "latest(ms)": "8", "sortsFirst(level)": "ERROR", "sortsLast(level)": "INFO"}],
    ),
    (
        "by a field",
        JSON,
        "stats count(*) as n by level | sort n desc, level desc",
        [{"level": "INFO", "n": "2"}, {"level": "ERROR", "n": "1"}, {"n": "1"}],
    ),
    (
        "by an expression with an alias",
        JSON,
        "stats count(*) as n by ms > 10 as slow | sort slow",
        [{"n": "1"}, {"slow": "0", "n": "1"}, {"slow": "1", "n": "2"}],
    ),
    (
        "arithmetic on sums",
        JSON,
        "stats max(ms) - min(ms) as span, span / 2 as half",
        [{"span": "242.5", "half": "121.25"}],
    ),
    (
        "sums of sums",
        JSON,
        "stats sum(ms) as total by level | stats max(total) as most, count(*) as n",
        [{"most": "250.5", "n": "3"}],
    ),
    ("a filter on sums", JSON, "stats count(*) as n by level | filter n > 1", [{"level": "INFO", "n": "2"}]),
    ("nothing to sum up", JSON, 'filter level = "FATAL" | stats count(*)', []),
    ("an aggregate of an expression", JSON, "stats avg(ms * 2) as twice", [{"twice": "180.3333"}]),
    # ---- functions
    (
        "arithmetic",
        ("x",),
        "fields 2 ^ 3 as p, 10 % 3 as m, 7 / 2 as d, 1 / 0 as z, 2 + 3 * 4 as s, -(1 - 3) as n, 2 ^ 3 ^ 2 as t",
        [{"p": "8", "m": "1", "d": "3.5", "s": "14", "n": "2", "t": "512"}],
    ),
    (
        "numbers have four digits behind the point",
        ("x",),
        "fields 1 / 3 as third, 100 as h, 0.00001 as tiny, -2.5 as neg",
        [{"third": "0.3333", "h": "100", "tiny": "0", "neg": "-2.5"}],
    ),
    (
        "numeric functions",
        ("x",),
        "fields abs(-2) as a, ceil(1.2) as c, floor(1.8) as f, greatest(1, 3, 2) as g, "
        "least(2, 1) as l, sqrt(16) as s, log(1) as e, log(-1) as none, sqrt(-1) as nan",
        [{"a": "2", "c": "2", "f": "1", "g": "3", "l": "1", "s": "4", "e": "0"}],
    ),
    (
        "text functions",
        ("xyZfooxyZ",),
        'fields strlen(@message) as n, toupper("aß") as u, tolower("AB") as l, '
        'substr(@message, 3, 3) as s, substr(@message, 6) as e, replace(@message, "xyZ", "-") as r, '
        'concat("a", 1, nothing, "b") as c, strcontains(@message, "foo") as has',
        [{"n": "9", "u": "Aẞ", "l": "ab", "s": "foo", "e": "xyZ", "r": "-foo-", "c": "a1b", "has": "1"}],
    ),
    (
        "trimming",
        ("x",),
        'fields trim("  a ") as t, ltrim("xyZxyfooxyZ", "xyZ") as l, rtrim("xyZfooxyxyZ", "xyZ") as r, '
        'trim("xyZxyfooxyxyZ", "xyZ") as b',
        [{"t": "a", "l": "fooxyZ", "r": "xyZfoo", "b": "foo"}],
    ),
    (
        "isempty, isblank, coalesce",
        JSON[1:2],
        "fields isempty(code) as e, isempty(nothing) as n, isblank('  ') as b, coalesce(nothing, code, 'x') as c",
        [{"e": "0", "n": "1", "b": "1", "c": "404"}],
    ),
    (
        "times",
        ("x",),
        "fields fromMillis(1768512345678) as t, datefloor(fromMillis(1768512345678), 1h) as f, "
        "dateceil(fromMillis(1768512345678), 1d) as c, datefloor(fromMillis(1768512345678), 1mo) as mo, "
        "dateceil(fromMillis(1768512345678), 1y) as y, toMillis(fromMillis(5)) as ms",
        [
            {
                "t": "2026-01-15 21:25:45.678",
                "f": "2026-01-15 21:00:00.000",
                "c": "2026-01-16 00:00:00.000",
                "mo": "2026-01-01 00:00:00.000",
                "y": "2027-01-01 00:00:00.000",
                "ms": "5",
            }
        ],
    ),
    (
        "addresses",
        ("x",),
        'fields isValidIp("::1") as a, isValidIpV4("256.0.0.1") as b, isValidIpV6("1::2::3") as c, '
        'isIpInSubnet("10.1.2.3", "10.0.0.0/8") as d, isIpv4InSubnet("11.0.0.1", "10.0.0.0/8") as e, '
        'isIpv6InSubnet("2001:db8::5", "2001:db8::/32") as f, isIpv6InSubnet("10.0.0.1", "2001:db8::/32") as g',
        [{"a": "1", "b": "0", "c": "0", "d": "1", "e": "0", "f": "1", "g": "0"}],
    ),
    # ---- structures
    (
        "jsonParse",
        JSON[:1],
        "fields jsonParse(@message) as j | display j.user.name, j.user.roles[1].id, j.level, j.user",
        [
            {
                "j.user.name": "ana",
                "j.user.roles[1].id": "7",
                "j.level": "INFO",
                "j.user": '{"name":"ana","roles":["a",{"id":7}]}',
            }
        ],
    ),
    ("jsonParse of what is no JSON", ("[1",), "fields jsonParse(@message) as j", [{}]),
    (
        "jsonStringify",
        JSON[:1],
        "fields jsonStringify(jsonParse(@message)) as s | fields strlen(s) > 50 as long",
        [{"s": '{"level":"INFO","ms":12,"user":{"name":"ana","roles":["a",{"id":7}]},"ok":true}', "long": "1"}],
    ),
    (
        "unnest",
        ('{"events": [{"name": "one"}, {"name": "two"}]}',),
        "fields jsonParse(@message) as j | unnest j.events into event | display event.name",
        [{"event.name": "one"}, {"event.name": "two"}],
    ),
    (
        "unnest and sum up",
        ('{"accounts": [{"id": 1, "n": 2}, {"id": 1, "n": 3}]}',),
        "fields jsonParse(@message) as js | unnest js.accounts into a | stats sum(a.n) as n by a.id",
        [{"a.id": "1", "n": "5"}],
    ),
    # ---- formats
    (
        "a function's report",
        LAMBDA,
        'filter @type = "REPORT" | fields @requestId, @duration, @billedDuration, @memorySize, '
        "@maxMemoryUsed, @initDuration",
        [
            {
                "@requestId": "8f5d3a50-1111-2222-3333-444455556666",
                "@duration": "12.34",
                "@billedDuration": "100.0",
                "@memorySize": "1.28E8",
                "@maxMemoryUsed": "5.0E7",
                "@initDuration": "100.1",
            }
        ],
    ),
    (
        "overprovisioned memory",
        LAMBDA,
        'filter @type = "REPORT" | stats max(@memorySize / 1000 / 1000) as size, '
        "max(@maxMemoryUsed / 1024 / 1024) as used, size - used as over",
        [{"size": "128", "used": "47.6837", "over": "80.3163"}],
    ),
    (
        "lines of a function",
        LAMBDA,
        "stats count(*) as n by @requestId, @type | sort n desc, @type desc",
        [
            {"@requestId": "8f5d3a50-1111-2222-3333-444455556666", "n": "2"},
            {"@requestId": "8f5d3a50-1111-2222-3333-444455556666", "@type": "START", "n": "1"},
            {"@requestId": "8f5d3a50-1111-2222-3333-444455556666", "@type": "REPORT", "n": "1"},
        ],
    ),
    ("JSON in a function's line", LAMBDA, "filter ispresent(order.id) | fields order.id", [{"order.id": "5"}]),
    (
        "a flow log",
        FLOW,
        "fields srcAddr, dstPort, action | filter protocol = 6 and isIpv4InSubnet(dstAddr, '172.31.0.0/16')",
        [{"srcAddr": "172.31.16.139", "dstPort": "22", "action": "ACCEPT"}],
    ),
]


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


@pytest.mark.parametrize(
    ("messages", "query", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_query_gives_rows(logs: Any, clock: Any, messages: tuple[str, ...], query: str, expected: Rows) -> None:
    put_events(logs, clock.now_ms(), *messages)
    answer = ask(logs, clock.now_ms(), query)
    assert answer["status"] == "Complete"
    found = [{name: value for name, value in row.items() if name != "@timestamp"} for row in rows(answer)]
    assert found == expected


MALFORMED = [
    ("", "unexpected symbol found <EOF> at line 1 and position 1", 0, 0),
    ("fields @timestamp | count()", "unexpected symbol found count at line 1 and position 21", 20, 25),
    ("fields a\n| filter = 1", "unexpected symbol found = at line 2 and position 10", 18, 19),
    ("fields a |", "unexpected symbol found <EOF> at line 1 and position 11", 10, 10),
    ("limit 0", "The limit must be between 1 and 100000.", 6, 7),
    ("fields nope(a)", "unknown function nope", 7, 11),
    ("fields abs(1, 2)", "abs takes 1 arguments, not 2.", 7, 10),
    ("stats a by b", "a is neither an aggregation nor one of the fields behind by.", 6, 7),
    ("fields a as b | fields c as b", "Ephemeral field b is already defined", 28, 29),
    ("stats count(*) | stats count(*) by bin(5m)", "bin needs @timestamp here.", 35, 38),
    ("filter a like /(/", "Invalid regular expression /(/", 14, 17),
    ("filter a like /(?=x)/", "Invalid regular expression /(?=x)/", 14, 21),
    ('parse @message "*" as a, b', "The number of wildcards does not match the number of fields.", 15, 18),
    ("fields bin(5x)", "5x is not a period.", 11, 13),
    ("dedup a | fields b", "The only command that can follow dedup is limit.", 0, 0),
]


@pytest.mark.parametrize(("query", "message", "start", "end"), MALFORMED)
def test_a_malformed_query_is_told_with_its_place(
    logs: Any, clock: Any, query: str, message: str, start: int, end: int
) -> None:
    with pytest.raises(ClientError) as raised:
        ask(logs, clock.now_ms(), query)
    answer: Any = raised.value.response
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == ("MalformedQueryException", message)
    assert answer["queryCompileError"] == {
        "location": {"startCharOffset": start, "endCharOffset": end},
        "message": message,
    }


@pytest.mark.parametrize("command", ["pattern @message", "anomaly", "diff", "unmask @message", "join a", "lookup t a"])
def test_commands_that_are_not_there_are_refused_by_name(logs: Any, clock: Any, command: str) -> None:
    with pytest.raises(ClientError, match=command.split()[0]) as raised:
        ask(logs, clock.now_ms(), f"fields @message | {command}")
    assert raised.value.response["Error"]["Code"] == "NotImplemented"
