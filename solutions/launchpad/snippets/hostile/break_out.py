"""Tries the ways out that a machine may have left open."""

import ctypes
import os
from pathlib import Path

NEW_USER, NEW_MOUNT = 0x10000000, 0x00020000


def handler(inputs, platform):
    libc = ctypes.CDLL(None, use_errno=True)
    done = []

    def attempt(name, act):
        try:
            if act():
                done.append(name)
        except OSError:
            pass

    attempt("became root", lambda: os.setuid(0) is None and os.getuid() == 0)
    attempt("new namespaces", lambda: libc.unshare(NEW_USER | NEW_MOUNT) == 0)
    attempt("mounted", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0)
    attempt("changed the root", lambda: os.chroot("/tmp") is None)
    attempt("wrote code", lambda: Path("/var/task/mine.py").write_text("x") > 0)
    attempt("wrote the layer", lambda: Path("/opt/mine.py").write_text("x") > 0)
    attempt("wrote to the kernel", lambda: Path("/proc/sys/kernel/hostname").write_text("x") > 0)
    attempt("opened a disk", lambda: os.open("/dev/vda", os.O_RDONLY) >= 0)
    attempt("made a device", lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(254, 0)) is None)
    return {"result": {"breached": bool(done), "seen": ", ".join(done) or "every way was closed"}}
