"""Airties' own rules, without a server."""

import base64
import io
import json
import sys
from collections import deque
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import cfnlint.api
import pytest
from tests.solutions.modules import SOLUTIONS, module

HERE = SOLUTIONS / "airties"
sys.path[:0] = [str(HERE), str(HERE.parent), *map(str, (HERE / "src").iterdir())]

import bulk  # noqa: E402
import cost  # noqa: E402
import hours  # noqa: E402
import sender  # noqa: E402
from fleet import DAY_MS, Fleet, Message  # noqa: E402
from health import examine  # noqa: E402
from ledger import Ledger  # noqa: E402
from lookup import Retrieval  # noqa: E402


def own(name: str) -> ModuleType:
    """A module of this solution whose name another solution has, too."""
    return module(f"airties/{name}.py")


FLEET = Fleet(name="test", devices=50, rounds=20, first_ms=1_700_000_000_000)


# ---- the fleet -------------------------------------------------------------------------------------------------------


def test_the_same_fleet_sends_the_same_day_every_time() -> None:
    again = Fleet(FLEET.name, FLEET.devices, FLEET.rounds, FLEET.first_ms)
    assert list(FLEET.sends()) == list(again.sends())
    assert all(FLEET.body(m) == again.body(m) for _, m in FLEET.sends())


def test_every_message_is_sent_some_late_and_some_twice() -> None:
    sent = [message.number for _, message in FLEET.sends()]
    assert set(sent) == set(range(FLEET.total))
    assert len(sent) > FLEET.total
    assert sent != sorted(sent)


def test_sendings_come_in_the_order_in_which_they_are_due() -> None:
    due = [place for place, _ in FLEET.sends()]
    assert due == sorted(due)


def test_a_devices_messages_are_numbered_one_after_the_other_in_the_order_of_their_times() -> None:
    messages = [FLEET.message(number) for number in range(FLEET.total)]
    for device in range(FLEET.devices):
        own = [m for m in messages if m.device == device]
        assert [m.seq for m in own] == list(range(FLEET.rounds))
        assert [m.at_ms for m in own] == sorted(m.at_ms for m in own)
        assert all(FLEET.first_ms <= m.at_ms <= FLEET.first_ms + DAY_MS for m in own)
        assert [FLEET.number_of(device, m.seq) for m in own] == [m.number for m in own]


def test_the_night_is_quiet_and_the_burst_is_not() -> None:
    hour = [FLEET.share_until((h + 1) / 24) - FLEET.share_until(h / 24) for h in range(24)]
    burst, evening, night = hour[7], hour[14], hour[20]  # the day begins at 6
    assert burst > 1.5 * evening > 6 * night
    assert sum(hour) == pytest.approx(1)


# ---- sending ---------------------------------------------------------------------------------------------------------


class Kinesis:
    """Takes so many records of a request, then refuses the rest of it."""

    def __init__(self, *takes: int) -> None:
        self._takes = list(takes)
        self.requests: list[list[str]] = []
        self.taken: list[tuple[str, int]] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        take = self._takes.pop(0) if self._takes else len(Records)
        self.requests.append([record["PartitionKey"] for record in Records])
        outcomes: list[dict[str, str]] = []
        for place, record in enumerate(Records):
            if place >= take:
                outcomes.append({"ErrorCode": "ProvisionedThroughputExceededException"})
                continue
            self.taken.append((record["PartitionKey"], json.loads(record["Data"])["seq"]))
            outcomes.append({"SequenceNumber": str(len(self.taken)), "ShardId": "shardId-000000000000"})
        return {"Records": outcomes}


def test_what_is_refused_goes_first_next_time_and_nothing_of_its_device_before_it() -> None:
    kinesis = Kinesis(3, 0, 1)
    with sender.Sender(kinesis, ("t", "e"), FLEET) as sending:
        sending.offer(FLEET.message(number) for number in range(FLEET.total))
        rounds = 0
        while sending.pending:
            sending.send()
            rounds += 1
        assert rounds > 1
        assert sending.ledger.acknowledged == FLEET.total
        assert sending.ledger.out_of_order == 0
        assert sum(sending.ledger.refused.values()) > 0
    for stream in (False, True):
        for device in range(FLEET.devices):
            events = {m.seq for m in map(FLEET.message, range(FLEET.total)) if m.device == device and m.event}
            name = FLEET.device_name(device)
            seqs = [seq for key, seq in kinesis.taken if key == name and (seq in events) == stream]
            assert seqs == sorted(seqs)


def test_a_request_has_one_message_of_a_device_at_most() -> None:
    kinesis = Kinesis()
    with sender.Sender(kinesis, ("t", "e"), FLEET) as sending:
        sending.offer(FLEET.message(number) for number in range(FLEET.total))
        sending.send()
    assert all(len(set(keys)) == len(keys) <= sender.RECORDS_PER_CALL for keys in kinesis.requests)


def test_a_device_that_is_held_back_keeps_its_order() -> None:
    queue = deque(
        Message(number, device, seq, 0, False) for number, (device, seq) in enumerate([(1, 0), (2, 0), (1, 1)])
    )
    refused: deque[Message] = deque()
    batch = sender.take(queue, {1}, refused)
    assert [(m.device, m.seq) for m in batch] == [(2, 0)]
    assert [(m.device, m.seq) for m in refused] == [(1, 0), (1, 1)]


def test_the_ledger_notices_a_record_whose_sequence_number_is_not_above_its_devices_last_one() -> None:
    ledger = Ledger(1)
    for sequence in ("5", "7", "6"):
        ledger.lanes[0].acknowledge("t", 1, 1, sequence)
    ledger.lanes[0].acknowledge("e", 1, 1, "1")
    assert ledger.out_of_order == 1


# ---- bulk files ------------------------------------------------------------------------------------------------------


def record(data: bytes, sequence: int = 1) -> dict[str, Any]:
    return {
        "eventID": f"shardId-000000000003:{sequence}",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/telemetry",
        "kinesis": {
            "data": base64.b64encode(data).decode(),
            "partitionKey": "ap-1",
            "sequenceNumber": str(sequence),
            "approximateArrivalTimestamp": 1_700_000_000.5,
        },
    }


def sample(seq: int, at: int = 5) -> bytes:
    return json.dumps({"device": "ap-1", "at": at, "seq": seq}).encode()


def test_every_sample_lies_where_its_entry_says_byte_for_byte() -> None:
    bodies = [sample(1), b"", b"\xff\x00no JSON\n", sample(2), b'"text"']
    packed = bulk.pack([record(body, number) for number, body in enumerate(bodies)])
    assert [packed.body[e.offset : e.offset + e.length] for e in packed.entries] == bodies
    assert [(e.sequence, e.shard) for e in packed.entries] == [(str(n), "shardId-000000000003") for n in range(5)]


def test_a_sample_is_found_by_its_device_and_the_time_at_which_it_was_measured() -> None:
    (entry,) = bulk.pack([record(sample(17, at=1_700_000_000_123))]).entries
    assert entry.key == ("ap-1", "1700000000123#00000017")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"7", b"{}", b'{"device": "ap-1", "at": "noon", "seq": 1}'])
def test_what_cannot_be_read_is_found_by_its_sender_and_when_it_arrived(body: bytes) -> None:
    (entry,) = bulk.pack([record(body, 9)]).entries
    assert entry.key == ("ap-1", "1700000000500#unreadable#9")


def test_of_a_sample_that_came_twice_the_later_record_is_indexed() -> None:
    packed = bulk.pack([record(sample(1), 1), record(sample(2), 2), record(sample(1), 3)])
    assert sorted(e.sequence for e in bulk.latest(packed.entries)) == ["2", "3"]


# ---- finding samples again -------------------------------------------------------------------------------------------


class Table:
    """Entries of a device, given a page of two at a time."""

    def __init__(self, *places: str) -> None:
        self._places = sorted(places)

    def query(self, *, ExpressionAttributeValues: dict[str, Any], **rest: Any) -> dict[str, Any]:
        first, last = (ExpressionAttributeValues[name]["S"] for name in (":first", ":last"))
        after = rest.get("ExclusiveStartKey", {}).get("at_seq", {}).get("S", "")
        found = [place for place in self._places if first <= place <= last and place > after]
        page = {"Items": [entry(place) for place in found[:2]]}
        return page | ({"LastEvaluatedKey": entry(found[1])} if len(found) > 2 else {})


class Bucket:
    def get_object(self, *, Bucket: str, Key: str, Range: str) -> dict[str, Any]:
        class Body:
            @staticmethod
            def read() -> bytes:
                return f"{Bucket} {Key} {Range}".encode()

        return {"Body": Body}


def entry(place: str) -> dict[str, Any]:
    text = {"at_seq": place, "bucket": "b", "key": "k"}
    return {name: {"S": value} for name, value in text.items()} | {"offset": {"N": "10"}, "length": {"N": "5"}}


def test_a_device_is_found_from_the_first_to_the_last_moment_both_included() -> None:
    places = [bulk.at_seq(ms, seq) for seq, ms in enumerate([999, 1000, 1500, 1500, 2000, 2001])]
    retrieval = Retrieval(Table(*places), Bucket(), "index")
    found = list(retrieval.samples("ap-1", 1000, 2000))
    assert [each.at_ms for each in found] == [1000, 1500, 1500, 2000]
    assert {each.body for each in found} == {b"b k bytes=10-14"}
    assert (retrieval.cost.queries, retrieval.cost.gets) == (2, 4)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1700000000123", datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)),
        ("2026-11-26", datetime(2026, 11, 26, tzinfo=UTC)),
        ("2026-11-26T08:30", datetime(2026, 11, 26, 8, 30, tzinfo=UTC)),
        ("2026-11-26T08:30+02:00", datetime(2026, 11, 26, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_time_may_be_said_as_a_date_or_as_milliseconds(text: str, moment: datetime) -> None:
    assert own("fetch").moment_ms(text) == round(moment.timestamp() * 1000)


def test_a_time_that_cannot_be_read_is_told_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="noon: say a time as 2026-11-26T08:00"):
        own("fetch").moment_ms("noon")


# ---- the audit -------------------------------------------------------------------------------------------------------


class Kept:
    """The index and the bulk file of a fleet whose every message was acknowledged, twice where it was sent twice."""

    def __init__(self) -> None:
        self.ledger = Ledger(1)
        self.items: dict[int, dict[str, Any]] = {}
        self.file = b""
        for sequence, (_, message) in enumerate(FLEET.sends(), start=1):
            stream = "events" if message.event else "telemetry"
            self.ledger.lanes[0].acknowledge(stream, message.device, message.number, str(sequence))
            body = FLEET.body(message)
            self.items[message.number] = {
                "device": {"S": FLEET.device_name(message.device)},
                "at_seq": {"S": bulk.at_seq(message.at_ms, message.seq)},
                "bucket": {"S": "b"},
                "key": {"S": "k"},
                "offset": {"N": str(len(self.file))},
                "length": {"N": str(len(body))},
                "sequence": {"S": str(sequence)},
                "written": {"N": "1"},
            }
            self.file += body + b"\n"

    def audited(self) -> Any:
        return own("audit").audit(self, self, "index", FLEET, self.ledger)

    def get_paginator(self, _operation: str) -> "Kept":
        return self

    def paginate(self, *, Segment: int, TotalSegments: int, **_: Any) -> list[dict[str, Any]]:
        return [{"Items": list(self.items.values())[Segment::TotalSegments]}]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.file)}


def faults(found: Any) -> tuple[int, int, int, int]:
    return found.lost, found.different, found.duplicates, found.out_of_order


def test_the_audit_finds_nothing_where_everything_was_kept() -> None:
    found = Kept().audited()
    assert found.acknowledged == FLEET.total
    assert faults(found) == (0, 0, 0, 0)


def test_the_audit_finds_a_sample_that_is_not_in_the_index() -> None:
    kept = Kept()
    del kept.items[7]
    assert faults(kept.audited()) == (1, 0, 0, 0)


@pytest.mark.parametrize(("where", "value"), [("offset", "1"), ("length", "3")])
def test_the_audit_finds_an_entry_that_leads_elsewhere(where: str, value: str) -> None:
    kept = Kept()
    kept.items[7][where]["N"] = value
    assert faults(kept.audited()) == (0, 1, 0, 0)


def test_the_audit_finds_a_second_entry_of_a_sample() -> None:
    kept = Kept()
    item = kept.items[7]
    kept.items[-1] = item | {"at_seq": {"S": bulk.at_seq(int(item["at_seq"]["S"][:13]) + 1, FLEET.message(7).seq)}}
    assert faults(kept.audited()) == (0, 0, 1, 0)


def test_the_audit_finds_entries_out_of_the_order_in_which_their_device_sent_them() -> None:
    kept = Kept()
    device = FLEET.message(7).device
    own = [n for n in kept.items if FLEET.message(n).device == device and not FLEET.message(n).event]
    first, last = kept.items[own[0]], kept.items[own[-1]]
    first["sequence"], last["sequence"] = last["sequence"], first["sequence"]
    assert kept.audited().out_of_order > 0


# ---- analysis and sums -----------------------------------------------------------------------------------------------


def test_what_is_wrong_with_an_access_point_costs_it_points() -> None:
    fine = {"rssi": -50, "air24": 20, "retries": 0.01, "temperature": 40, "reboots": 0}
    named = {"device": "ap-1", "seq": 1, "at": 5, "group": "g"}
    assert examine(named | fine)["health"] == 100
    bad = examine(named | fine | {"rssi": -80, "reboots": 1})
    assert (bad["health"], bad["anomalies"]) == (45, "weak-signal,rebooted")


def line(device: str, seq: int, at: int, clients: int = 3, rssi: int = -50) -> bytes:
    told = {"device": device, "seq": seq, "at": at, "group": "g", "clients": clients, "rssi": rssi, "air24": 7}
    return json.dumps(told).encode() + b"\n"


def test_an_hour_is_the_same_whatever_comes_twice_or_late_and_in_whichever_file() -> None:
    again, late = line("a", 1, 10), line("a", 2, 30, rssi=-80)
    files = [line("a", 1, 10) + line("b", 1, 20, clients=4), b"no sample\n" + again + late]
    samples: hours.Samples = {}
    for file in files:
        samples |= {name: readings for hour_ms, name, readings in hours.samples_in(file) if hour_ms == 0}
        samples = hours.from_text(hours.to_text(samples))
    assert hours.sums(0, samples) == [
        {"group": "g", "hour": 0, "samples": 3, "devices": 2, "clients": 10, "rssi_min": -80, "air24_max": 7}
    ]


def test_a_sample_counts_in_the_hour_in_which_it_was_measured() -> None:
    file = line("a", 1, hours.HOUR_MS - 1) + line("a", 2, hours.HOUR_MS)
    assert [hour_ms for hour_ms, _, _ in hours.samples_in(file)] == [0, hours.HOUR_MS]


# ---- scaling, cost, report -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shards", "desired", "reachable"), [(1, 2, 2), (1, 5, 2), (4, 1, 2), (5, 1, 3), (3, 3, 3), (6, 9, 9), (6, 4, 4)]
)
def test_one_change_at_most_doubles_a_stream_and_at_most_halves_it(
    shards: int, desired: int, reachable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMS", "telemetry")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert own("src/scaler/scaler").reachable(shards, desired) == reachable


def usage(**changed: float) -> cost.Usage:
    base = {
        "samples": 1_000_000, "sample_bytes": 200_000_000, "shard_hours": 10.0, "files": 1_000,
        "index_writes": 1_000_000.0, "index_bytes": 400_000_000, "invocations": 1_000, "gb_seconds": 500.0,
        "results": 1_000_000,
    }  # fmt: skip
    return cost.Usage(**(base | changed))  # type: ignore[arg-type]


def test_the_bill_follows_from_the_prices() -> None:
    found, p = cost.bill(usage()), cost.PRICES
    assert found["kinesis"] == pytest.approx(10 * p["kinesis_shard_hour"] + p["kinesis_million_put_units"])
    assert found["s3"] == pytest.approx(p["s3_thousand_puts"] + 0.2e9 / cost.GB * p["s3_gb_month"])
    assert found["index"] == pytest.approx(p["dynamodb_million_write_units"] + 0.4e9 / cost.GB * p["dynamodb_gb_month"])
    objects = cost.one_object_a_sample(usage())
    assert objects == pytest.approx(1_000 * p["s3_thousand_puts"] + 0.2e9 / cost.GB * p["s3_gb_month"])
    assert found["s3"] + found["index"] < objects


def test_the_prices_say_of_when_and_from_where_they_are() -> None:
    assert cost.PRICES["as_of"]
    assert {"kinesis", "s3", "dynamodb", "lambda", "firehose"} <= cost.PRICES["sources"].keys()


GOOD: dict[str, Any] = {
    "fleet": {"name": "test", "devices": 50, "messages": 1_000, "from_ms": 1_700_000_000_000},
    "clock": "moved",
    "minutes": 90,
    "records_per_shard": 100,
    "load": {
        "acknowledged": 1_010, "bytes": 200_000, "put_requests": 9, "refused": {"telemetry": 4}, "sending_s": 10.0,
        "out_of_order": 0, "other_shards": [1],
        "timeline": {
            "minute": [0.0, 1.0, 2.0], "acknowledged": [0, 600, 1_010], "behind": [0, 9, 0], "shards": [1, 4, 2],
        },
    },
    "audit": {
        "samples": 1_000, "lost": 0, "different": 0, "duplicates": 0, "out_of_order": 0, "files": 10, "bytes": 200_000,
        "file_bytes_p50": 20_000, "file_bytes_max": 30_000, "delay_p50_ms": 9, "delay_p99_ms": 10,
    },
    "results": {"rows": 1_001, "wrong": 0, "again": 1, "missing": 0},
    "sums": {"lines": 24, "wrong": 0},
    "retrieval": {"samples": 500, "wrong": 0, "p50_us": 2_000, "p99_us": 9_000, "bytes": 200},
    "scaling": [{"minute": 1.0, "status": "Successful", "did": "Setting desired capacity to 4."}],
    "alarms": {"age": ["OK"], "reader": ["OK", "ALARM", "OK"], "throttle": []},
    "usage": {
        "samples": 1_000, "sample_bytes": 200_000, "shard_hours": 3.0, "files": 10, "index_writes": 1_010.0,
        "index_bytes": 300_000, "invocations": 40, "gb_seconds": 9.0, "results": 1_000,
    },
    "unread": 0,
    "live": None,
}  # fmt: skip


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(json.dumps(GOOD))
    inner = report
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return report


def test_a_report_of_a_day_as_promised_breaks_nothing_and_can_be_printed() -> None:
    report = own("report")
    assert report.broken(GOOD) == []
    assert "NOT KEPT" not in report.render(GOOD)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("audit", "samples"), 0),
        (("audit", "lost"), 1),
        (("audit", "different"), 1),
        (("audit", "duplicates"), 1),
        (("audit", "out_of_order"), 1),
        (("load", "out_of_order"), 1),
        (("load", "other_shards"), [1, 2]),
        (("load", "refused"), {"events": 1}),
        (("load", "timeline", "shards"), [1, 1, 1]),
        (("load", "timeline", "shards"), [1, 4, 4]),
        (("retrieval", "wrong"), 1),
        (("results", "wrong"), 1),
        (("results", "missing"), 1),
        (("sums", "wrong"), 1),
        (("unread",), 1),
        (("alarms", "reader"), ["OK"]),
        (("alarms", "age"), ["OK", "ALARM"]),
        (("live",), GOOD["audit"] | {"lost": 1}),
    ],
)
def test_a_promise_that_was_not_kept_is_named(path: tuple[str, ...], value: Any) -> None:
    report = own("report")
    found = changed(path, value)
    assert len(report.broken(found)) == 1
    assert f"NOT KEPT: {report.broken(found)[0]}" in report.render(found)


# ---- the template ----------------------------------------------------------------------------------------------------


def test_the_template_is_one_that_aws_would_accept() -> None:
    assert [str(found) for found in cfnlint.api.lint_file(HERE / "template.yaml")] == []
