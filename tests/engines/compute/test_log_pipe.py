"""What becomes of output, however it is written."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from fogbank.engines.compute.log_pipe import LogPipe

LINE_BYTES_MAX = 256_000
READ_BYTES = 4_096


def heard(work: Callable[[LogPipe], Awaitable[None]]) -> list[list[str]]:
    """What was handed over, turn by turn."""

    async def whole() -> list[list[str]]:
        turns: list[list[str]] = []
        pipe = LogPipe(turns.append)
        try:
            await work(pipe)
        finally:
            pipe.close()
        return turns

    return asyncio.run(whole())


def test_a_record_without_an_end_is_handed_over_in_parts() -> None:
    async def work(pipe: LogPipe) -> None:
        os.write(pipe.write_end, b"\xa5\x5a\x00\x01\xff\xff\xff\xff")
        for _ in range(32):
            os.write(pipe.write_end, b"x" * 32_768)
            pipe.read()

    messages = [message for turn in heard(work) for message in turn]
    assert [len(message) for message in messages] == [LINE_BYTES_MAX] * 4


def test_a_record_keeps_its_lines_together_however_it_arrives() -> None:
    async def work(pipe: LogPipe) -> None:
        record = b"\xa5\x5a\x00\x03" + (7).to_bytes(4, "big") + bytes(8) + b"one\ntwo"
        for byte in b"before\n" + record + b"after\n":
            os.write(pipe.write_end, bytes([byte]))
            pipe.read()

    assert heard(work) == [["before\n"], ["one\ntwo"], ["after\n"]]


def test_a_flood_leaves_others_their_turns() -> None:
    async def work(pipe: LogPipe) -> None:
        os.write(pipe.write_end, b"line\n" * 12_000)
        for _ in range(100):
            await asyncio.sleep(0)

    turns = heard(work)
    assert sum(map(len, turns)) == 12_000
    assert max(map(len, turns)) < 1_000


def test_what_is_dropped_of_a_flood_takes_no_more_turns_than_what_is_kept() -> None:
    async def work(pipe: LogPipe) -> None:
        for _ in range(600):
            os.write(pipe.write_end, b"x" * 32_000 + b"\n")
            pipe.read()
        loop = asyncio.get_running_loop()
        loop.time = lambda: 0.0  # type: ignore[method-assign]  # No pause ends.
        os.write(pipe.write_end, b"x" * 60_000)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(os.read(pipe._read, 65_536)) == 60_000 - READ_BYTES

    heard(work)


def test_empty_lines_count_towards_the_limit_as_cloudwatch_logs_counts_them() -> None:
    async def work(pipe: LogPipe) -> None:
        for _ in range(180):
            os.write(pipe.write_end, b"\n" * 4_000)
            pipe.read()
        pipe.begin()
        os.write(pipe.write_end, b"next\n")
        pipe.read()

    turns = heard(work)
    assert sum(map(len, turns)) == (16 << 20) // 27 + 1
    assert turns[-1] == ["next\n"]
