"""Airties' own rules, without a server."""

import base64
import json
import sys
from collections import deque
from pathlib import Path
from typing import Any

import cfnlint.api
import pytest

HERE = Path(__file__).resolve().parents[2] / "solutions" / "airties"
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE / "src" / "briefcase")]

import bulk  # noqa: E402
import sender  # noqa: E402
from fleet import DAY_MS, Fleet, Message  # noqa: E402
from ledger import Ledger  # noqa: E402

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


# ---- the template ----------------------------------------------------------------------------------------------------


def test_the_template_is_one_that_aws_would_accept() -> None:
    assert [str(found) for found in cfnlint.api.lint_file(HERE / "template.yaml")] == []
