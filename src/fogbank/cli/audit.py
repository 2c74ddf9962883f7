"""`fogbank audit`: the record of who did what, from where, and why it was allowed or denied."""

import argparse
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

from fogbank.cli.client import admin
from fogbank.cli.failure import Failure
from fogbank.core.moments import iso_milliseconds

_AGE = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PAUSE_S = 1.0
_ROWS_MAX = 10_000


def audit(options: argparse.Namespace) -> None:
    age = _AGE.fullmatch(options.since)
    if age is None:
        raise Failure(f"--since {options.since}: an age is a number and s, m, h or d, such as 2h")
    since_ms = max(_now_ms() - int(age[1]) * _SECONDS[age[2]] * 1000, 0)
    seen: set[str] = set()
    while True:
        for row in _rows(options, since_ms):
            if row["id"] not in seen:
                seen.add(row["id"])
                since_ms = max(since_ms, row["time_ms"])
                print(json.dumps(row) if options.json else _line(row), flush=True)
        if not options.follow:
            return
        time.sleep(_PAUSE_S)


def _rows(options: argparse.Namespace, since_ms: int) -> list[dict[str, Any]]:
    asked = {
        "principal": options.principal,
        "action": options.action,
        "denied": str(options.denied).lower(),
        "since_ms": str(since_ms),
        "limit": str(_ROWS_MAX),
    }
    answer = admin(options, "GET", f"audit?{urlencode(asked)}")
    return [json.loads(line) for line in answer.splitlines()]


def _line(row: dict[str, Any]) -> str:
    outcome = row["error"] or "ok"
    head = f"{iso_milliseconds(row['time_ms'])}  {row['service']}:{row['operation']}  {outcome}  {row['principal']}"
    place = f"  from {row['peer'] or 'within'}  {row['account']} {row['region']}"
    return "\n".join([head + place, *(f"    {_reason(reason)}" for reason in row["reasons"])])


def _reason(reason: dict[str, Any]) -> str:
    word = "allowed" if reason["allowed"] else "denied"
    how = "by" if reason["allowed"] or reason["explicit"] else "as nothing allows it in the"
    named = f" ({', '.join(reason['statements'])})" if reason["statements"] else ""
    return f"{word}: {reason['action']} on {reason['resource']} {how} {reason['layer']}{named}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
