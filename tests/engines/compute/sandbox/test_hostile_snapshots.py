"""Functions that are initialized for a snapshot and try to have their forks get more than an environment has."""

from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute import snapshots
from fogbank.engines.compute.environment import ProcessEnvironment
from tests.engines.compute.harness import Harness, Room, answer
from tests.engines.compute.sandbox.forked import (
    INITIALIZED,
    forked_harness,
    skip_where_nothing_is_forked,
    tried,
    with_environments,
)
from tests.engines.compute.sandbox.outside import children_of, parent_of, running
from tests.engines.compute.sandbox.puppet import act
from tests.patience import eventually

# LETTERBOX is what forks are told by, where there is one; with `instead(work)` that is done where the runtime waits for
# it, and what it usually does is given back.
HOSTILE = (
    INITIALIZED
    + """
import struct
LETTERBOX = socket.socket(fileno=os.dup(3))
if LETTERBOX.family != socket.AF_UNIX:
    LETTERBOX.close()
    LETTERBOX = None

def instead(work):
    frame = sys._getframe()
    while "be_forked" not in frame.f_globals:
        frame = frame.f_back
    usual, frame.f_globals["be_forked"] = frame.f_globals["be_forked"], work
    return usual
"""
)
TRIES = {
    "its own filter answers for calls that close the sandbox": """
ANSWERED = (446, 317)  # landlock_restrict_self, seccomp
load, allow, succeed = (0x20, 0, 0, 0), (0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050000)
instructions = [load, *[step for call in ANSWERED for step in ((0x15, 0, 1, call), succeed)], allow]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
header = struct.pack("=HxxxxxxQ", len(instructions), ctypes.addressof(code))
assert libc.syscall(317, 1, 0, header) == 0
""",
    "its memory becomes shared when it has been looked at": """
libc.mmap.restype = ctypes.c_void_p
file = os.memfd_create("shared")
os.truncate(file, 4096)
assert libc.mmap(None, ctypes.c_size_t(4096), 1, 1, file, ctypes.c_size_t(0)) != ctypes.c_void_p(-1).value
os.close(file)
""",
    "its letters come from itself": """
if LETTERBOX is not None:
    kept["ends"] = socket.socketpair()
    os.dup2(kept["ends"][0].fileno(), 3)
""",
    "its letters come with more": """
if LETTERBOX is not None:
    LETTERBOX.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
""",
    "its call gives nothing": """
def go_on(letterbox):
    while True:
        libc.recv(letterbox, ctypes.c_void_p(0xffff_8000_0000_0000), ctypes.c_size_t(1), 0)

instead(go_on)
""",
    "it waits for a while": """
if LETTERBOX is not None:
    LETTERBOX.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("=qq", 600, 0))
""",
    "it waits for no letter": """
def go_on(letterbox):
    letter = ctypes.create_string_buffer(1)
    while True:
        libc.recv(letterbox, letter, 1, socket.MSG_DONTWAIT)

instead(go_on)
""",
    "there is no room for what comes with its letters": """
if LETTERBOX is not None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (LETTERBOX.fileno() + 1, LETTERBOX.fileno() + 1))
""",
    "it has closed its output": "os.close(2)",
}


@pytest.fixture
def harness(room: Room, tmp_path: Path) -> Harness:
    skip_where_nothing_is_forked()
    return forked_harness(room, tmp_path)


@pytest.mark.parametrize("why", TRIES)
def test_what_could_deceive_the_tracer_is_not_forked(harness: Harness, why: str) -> None:
    (first,), (second,) = tried(harness, HOSTILE + TRIES[why], "got = IDENTITY")
    assert first != second


def test_what_is_hostile_is_forked_but_for_its_tries(harness: Harness) -> None:
    (first,), (second,) = tried(harness, HOSTILE, "got = IDENTITY")
    assert first == second


def test_a_function_that_never_waits_is_given_up_and_initialized(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(made: list[ProcessEnvironment]) -> tuple[list[Any], int, set[int]]:
        inits = {parent_of(each.pids()[0]) for each in made}
        [zygote] = {parent_of(init) for init in inits}
        return [answer(await each.invoke(act("got = IDENTITY"))) for each in made], zygote, inits

    monkeypatch.setattr(snapshots, "CARRIED_WITHIN_S", 0.1)
    spec = harness.spec(HOSTILE + "instead(lambda letterbox: time.sleep(600))\n")
    (first, second), zygote, inits = with_environments(harness, spec, work)
    assert first != second
    eventually(lambda: not {pid for pid in children_of(zygote) if running(pid)} - inits)


def test_signals_of_a_function_on_its_way_are_its_own(harness: Harness) -> None:
    source = """
import signal
RANG = []
signal.signal(signal.SIGALRM, lambda *_: RANG.append(1))

def ring(letterbox):
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while len(RANG) < 50:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    return wait(letterbox)

wait = instead(ring)
"""
    (first,), (second,) = tried(harness, HOSTILE + source, "got = [IDENTITY, len(RANG) >= 50]")
    assert first == second
    assert first[1]


def test_what_is_kept_of_a_fork_goes_on_in_restartable_sequences(harness: Harness) -> None:
    look = """
    base = ctypes.c_ulong()
    libc.syscall(158, 0x1003, ctypes.byref(base))  # arch_prctl(ARCH_GET_FS)
    try:
        offset = ctypes.c_ssize_t.in_dll(libc, "__rseq_offset").value
    except ValueError:
        got = None
    else:
        got = ctypes.c_int.from_address(base.value + offset + 4).value
    """
    for (processor,) in tried(harness, INITIALIZED, look):
        assert processor is None or processor >= 0, "the C library knows on which it runs"
