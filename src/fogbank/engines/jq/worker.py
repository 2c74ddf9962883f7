"""The process that runs queries: `python worker.py`. It knows nothing of Fogbank, and nothing of the environment.

A frame is its length in four bytes and MessagePack. In comes (query, inputs), out goes a list of (value, error, whether
the input is JSON). A query that does not come to its end ends the process.
"""

import contextlib
import resource
import signal
import sys
from typing import Any

import jq
import msgspec

LIMIT_S = 10
_MEMORY_BYTES_MAX = 1 << 30
_PROGRAMS_MAX = 100


def main() -> None:
    with contextlib.suppress(ValueError, OSError):  # Where a lower limit is set already, or none can be.
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES_MAX, _MEMORY_BYTES_MAX))
    programs: dict[str, Any] = {}
    frames_in, frames_out = sys.stdin.buffer, sys.stdout.buffer
    while head := frames_in.read(4):
        query, inputs = msgspec.msgpack.decode(frames_in.read(int.from_bytes(head, "big")))
        signal.alarm(LIMIT_S)  # Nobody handles the signal, so it ends the process.
        if query not in programs:
            if len(programs) >= _PROGRAMS_MAX:
                programs.clear()
            programs[query] = jq.compile(query)
        answer = msgspec.msgpack.encode([_found(programs[query], given) for given in inputs])
        signal.alarm(0)
        frames_out.write(len(answer).to_bytes(4, "big") + answer)
        frames_out.flush()


def _found(program: Any, given: bytes) -> tuple[Any, str, bool]:
    try:
        return msgspec.Raw(msgspec.msgpack.encode(program.input_text(given.decode()).first())), "", True
    except OverflowError:
        return None, "a number is too large", True
    except StopIteration:
        return None, "the query gave no value", True
    except ValueError as error:
        return None, str(error), _is_json(given)


def _is_json(given: bytes) -> bool:
    try:
        msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


if __name__ == "__main__":
    main()
