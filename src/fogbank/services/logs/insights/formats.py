"""Fields that Insights discovers in log events: those of JSON, and those of AWS's own formats.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
The same patterns are the SQL engine's, for queries, and Python's, for single records.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

FIELDS_MAX = 200

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
# What functions write by their runtime's logger: a time and the request's id, behind a level in Python.
LAMBDA_LINE = rf"^(?:\[[A-Z]+\]\t)?{_MOMENT}\t{_UUID}\t"


class Pattern(NamedTuple):
    """A field of a format: its value is a group of the expression, as it stands or as a number times `scale`."""

    regex: str
    group: int = 1
    kind: Literal["text", "number"] = "text"
    scale: int = 1


def _report(label: str, unit: str, scale: int = 1) -> Pattern:
    return Pattern(rf"^REPORT RequestId: (?s:.*?)\t{label}: ([0-9.]+) {unit}", kind="number", scale=scale)


_MB = 1_000_000
_FLOW_FIELDS = (
    *("version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort"),
    *("protocol", "packets", "bytes", "startTime", "endTime", "action", "logStatus"),
)
# A flow log of a VPC in the default format.
_FLOW = r"^(2) (\d{12}) (eni-\w+)" + r" (\S+)" * (len(_FLOW_FIELDS) - 3) + "$"

PATTERNS: dict[str, Pattern] = {
    "@type": Pattern(rf"^(START|END|REPORT|INIT_START) (?:RequestId: {_UUID}|Runtime)"),
    "@requestId": Pattern(rf"^(?:(?:START|END|REPORT) RequestId: |(?:\[[A-Z]+\]\t)?{_MOMENT}\t)({_UUID})"),
    "@duration": _report("Duration", "ms"),
    "@billedDuration": _report("Billed Duration", "ms"),
    "@memorySize": _report("Memory Size", "MB", _MB),
    "@maxMemoryUsed": _report("Max Memory Used", "MB", _MB),
    "@initDuration": _report("Init Duration", "ms"),
    "@xrayTraceId": Pattern(r"^REPORT RequestId: (?s:.*)XRAY TraceId: (\S+)"),
    "@xraySegmentId": Pattern(r"^REPORT RequestId: (?s:.*)\tSegmentId: (\S+)"),
} | {name: Pattern(_FLOW, group) for group, name in enumerate(_FLOW_FIELDS, start=1)}

# Fields of the same format are found at once.
_FORMATS = [
    (re.compile(regex), [(name, pattern) for name, pattern in PATTERNS.items() if pattern.regex == regex])
    for regex in dict.fromkeys(pattern.regex for pattern in PATTERNS.values())
]


def discovered(message: str) -> dict[str, str]:
    """The fields of one event, beside those that every event has."""
    found: dict[str, str] = {}
    for regex, patterns in _FORMATS:
        match = regex.search(message)
        if match is None:
            continue
        for name, pattern in patterns:
            value = match[pattern.group]
            found[name] = value if pattern.kind == "text" else java_double(float(value) * pattern.scale)
    document = _document(message)
    for name, value in _flat(document) if isinstance(document, dict) else ():
        if len(found) == FIELDS_MAX:
            break
        found["@" + name if name.startswith("@") else name] = value
    return found


def java_double(value: float) -> str:
    """As Insights shows the numbers of its own fields."""
    if abs(value) < 1e7:
        return repr(value)
    exponent = len(str(int(abs(value)))) - 1
    return f"{value / 10**exponent!r}E{exponent}"


def _document(message: str) -> Any:
    for candidate in (message, fragment(message)):
        try:
            return msgspec.json.decode(candidate)
        except msgspec.DecodeError:
            continue
    return None


def fragment(message: str) -> str:
    """The JSON in a line that a function has logged."""
    if re.search(LAMBDA_LINE, message) is None:
        return ""
    return message[message.find("{") : message.rfind("}") + 1]


def _flat(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names have dots between their steps, and numbers for the places in lists."""
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        name, value = stack.pop()
        prefix = f"{name}." if name else ""
        if isinstance(value, dict):
            stack += [(f"{prefix}{key}", inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(f"{prefix}{at}", inner) for at, inner in reversed(list(enumerate(value)))]
        elif value is not None:
            yield name, _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, bool) else msgspec.json.encode(value).decode()
