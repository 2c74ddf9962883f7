"""`fogbank run airties -- fetch DEVICE FROM TO`: what a device told in a time, and what it cost to find it."""

import argparse
import json
import sys
from datetime import UTC, datetime

from driving.command import refuse
from lookup import Retrieval
from stack import Stack


def fetch(stack: Stack, options: argparse.Namespace) -> int:
    try:
        first_ms, last_ms = moment_ms(options.first), moment_ms(options.last)
    except ValueError as error:
        return refuse("airties", str(error))
    if first_ms > last_ms:
        return refuse("airties", f"FROM ({options.first}) is after TO ({options.last})")
    retrieval = Retrieval(stack.client("dynamodb"), stack.client("s3"), stack.outputs["Index"])
    found = list(retrieval.samples(options.device, first_ms, last_ms))
    if not found:
        return refuse("airties", nothing(retrieval, options.device))
    if options.json:
        print(json.dumps([json.loads(each.body) for each in found]))
    else:
        for each in found:
            print(each.body.decode(errors="replace"))
    cost = retrieval.cost
    print(
        f"{len(found)} samples: {cost.queries} Query, {cost.gets} range GET of {cost.bytes:,} bytes in all "
        f"({cost.bytes / cost.gets:,.0f} each), {cost.ms:.1f} ms ({cost.ms / len(found):.1f} ms a sample)",
        file=sys.stderr,
    )
    return 0


def moment_ms(text: str) -> int:
    """Milliseconds, or a date with or without a time of day; UTC unless it says otherwise."""
    if text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text}: say a time as 2026-11-26T08:00 (UTC) or as milliseconds since 1970") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def nothing(retrieval: Retrieval, device: str) -> str:
    ends = retrieval.ends(device)
    if ends is None:
        return f"there is nothing of {device} here: a device has samples when the driver has run on the same cloud"
    first, last = (datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") for ms in ends)
    return f"there is nothing of {device} in that time: its samples are from {first} to {last}"
