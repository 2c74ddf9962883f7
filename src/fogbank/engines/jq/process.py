"""JQ in a process of its own, which is started at the first query and ends with this one.

JQ lets no other thread of its process run, and a query may take for ever: in the server it would stop everybody.
"""

import importlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

import msgspec

from fogbank.engines.jq.interface import BadQuery, Found, JqEngine

_WORKER = Path(__file__).parent / "worker.py"
# What is handed over at a time, and fails together.
_INPUTS_MAX, _BYTES_MAX = 500, 1 << 20

_decode = msgspec.msgpack.Decoder(list[Found]).decode


class JqProcess(JqEngine):
    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None
        self._turn = Lock()

    def check(self, query: str) -> None:
        if "\0" in query:
            raise BadQuery("jq: error: the query has a NUL character")
        try:
            importlib.import_module("jq").compile(query)
        except ValueError as error:
            raise BadQuery(str(error)) from None

    def run(self, query: str, inputs: Sequence[bytes]) -> list[Found]:
        found: list[Found] = []
        for part in _parts(inputs):
            with self._turn:
                found += self._exchange(query, part)
        return found

    def close(self) -> None:
        """End the process; a later query starts another."""
        with self._turn:
            self._end()

    def _exchange(self, query: str, inputs: list[bytes]) -> list[Found]:
        if self._worker is None:
            # Its variables are nobody's business: a query can ask for them.
            self._worker = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
            )
        worker = self._worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        frame = msgspec.msgpack.encode((query, inputs))
        try:
            worker.stdin.write(len(frame).to_bytes(4, "big") + frame)
            worker.stdin.flush()
            answer = worker.stdout.read(int.from_bytes(worker.stdout.read(4), "big"))
        except BrokenPipeError:
            answer = b""
        if answer:
            return _decode(answer)
        self._end()
        return [Found(error="the query took too long, or too much memory")] * len(inputs)

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.communicate()


def _parts(inputs: Sequence[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for given in inputs:
        if part and (len(part) == _INPUTS_MAX or size + len(given) > _BYTES_MAX):
            yield part
            part, size = [], 0
        part.append(given)
        size += len(given)
    if part:
        yield part
