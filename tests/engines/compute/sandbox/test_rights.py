"""What a function may ask of the kernel: what any program may, and nothing that administers a machine."""

import os

import pytest

from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import ComputeEngine
from tests.engines.compute.harness import Harness
from tests.engines.compute.sandbox.puppet import PUPPET, act, get

# name: arguments of a call that works for root outside, or would without the filter
X86_CALLS = {
    "mount": "165, b'none', b'/tmp', b'tmpfs', 0, None", "umount": "166, b'/tmp', 2",
    "pivot_root": "155, b'/tmp', b'/tmp'", "chroot": "161, b'/tmp'", "fsopen": "430, b'tmpfs', 0",
    "move_mount": "429, -1, b'', -1, b'', 0", "unshare user": "272, 0x10000000", "unshare mount": "272, 0x20000",
    "setns": "308, 0, 0", "clone user": "56, 0x10000011, 0, 0, 0, 0", "ptrace": "101, 0, 0, 0, 0",
    "process_vm_readv": "310, os.getpid(), None, 0, None, 0, 0", "keyctl": "250, 0, -3, 0",
    "add_key": "248, 0, 0, 0, 0, 0", "bpf": "321, 0, None, 0", "perf_event_open": "298, None, 0, -1, -1, 0",
    "userfaultfd": "323, 0", "io_uring_setup": "425, 1, None", "init_module": "175, None, 0, b''",
    "kexec_load": "246, 0, 0, None, 0", "reboot": "169, 0", "swapon": "167, b'/tmp/s', 0", "syslog": "103, 3, None, 0",
    "sethostname": "170, b'x', 1", "settimeofday": "164, None, None", "iopl": "172, 3", "personality": "135, 0x40000",
    "open_by_handle_at": "304, -100, None, 0", "mknod of a disk": "133, b'/tmp/disk', 0o60644, 0x700",
    "memfd_secret": "447, 0",
}  # fmt: skip


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of calls are those of x86_64")
def test_calls_that_administer_a_machine_are_refused(harness: Harness) -> None:
    calls = "\n".join(f"got[{name!r}] = call({arguments})" for name, arguments in X86_CALLS.items())
    # A call that no table knows, the replacement of clone, and the other set of numbers (x32).
    more = "got['newest'] = call(500)\ngot['clone3'] = call(435, None, 0)\ngot['x32'] = call(0x40000000 + 165)"
    (got,) = get(harness, f"got = {{}}\n{calls}\n{more}")
    unknown = {"newest": "ENOSYS", "clone3": "ENOSYS", "x32": "ENOSYS"}
    assert got == dict.fromkeys(X86_CALLS, "EPERM") | unknown


def test_sockets_of_the_kernel_cannot_be_made(harness: Harness) -> None:
    (families,) = get(
        harness,
        """
        got = {}
        for name, family in (("alg", 38), ("vsock", 40), ("packet", 17), ("key", 15), ("bluetooth", 31), ("inet", 2)):
            try:
                socket.socket(family, socket.SOCK_DGRAM if family != 38 else socket.SOCK_SEQPACKET).close()
                got[name] = "made"
            except OSError as error:
                got[name] = errno.errorcode[error.errno]
        try:
            socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
        except OSError as error:
            got["raw"] = errno.errorcode[error.errno]
        """,
    )
    refused = dict.fromkeys(("alg", "vsock", "packet", "key", "bluetooth"), "EAFNOSUPPORT")
    assert families == refused | {"inet": "made", "raw": "EPERM"}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the instruction is one of x86_64")
def test_a_call_in_another_architectures_way_ends_the_process(harness: Harness) -> None:
    (status,) = get(
        harness,
        """
        import mmap
        pid = os.fork()
        if pid == 0:
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(bytes.fromhex("53 b8 15 00 00 00 31 db cd 80 5b c3"))  # mount, by int 0x80
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
            os._exit(0)
        got = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        """,
    )
    assert status == -31  # SIGSYS


def test_there_are_no_rights_and_none_to_be_had(harness: Harness) -> None:
    status, setuid = get(
        harness,
        """
        lines = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        got = {name: lines[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")}
        """,
        """
        import stat
        got = []
        for name in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd", "/bin/su"):
            if os.path.exists(name) and os.stat(name).st_mode & stat.S_ISUID:
                got.append(subprocess.run([name, "--version"], capture_output=True).returncode is not None)
                os.system(f"{name} -c id root > /tmp/out 2>&1 < /dev/null")
                got.append("uid=0" in open("/tmp/out").read())
        for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
            try:
                change()
                got.append("changed")
            except OSError:
                pass
        """,
    )
    none = "0" * 16
    assert status == {"CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2"}
    assert "changed" not in setuid
    assert setuid[1::2] == [False] * (len(setuid) // 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' numbers to give")
def test_each_environment_is_another_user_outside_and_none_is_root(harness: Harness) -> None:
    async def work(engine: ComputeEngine) -> list[int]:
        specs = [harness.spec(PUPPET, initialization_type="on-demand") for _ in range(2)]
        environments = [await engine.create(spec, harness.log.extend) for spec in specs]
        users = []
        for environment in environments:
            assert isinstance(environment, ProcessEnvironment)
            await environment.invoke(act("got = 1"))
            (pid,) = environment.pids()
            users.append(os.stat(f"/proc/{pid}").st_uid)
            environment.destroy()
        return users

    first, second = harness.run(work)
    assert first != second
    assert min(first, second) >= 1_900_000_000
