# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""The sandbox: what a function's processes see, and what they may do. Standard library only.

`Root` is made once, by the zygote: a mount namespace with a file system of the system's programs, read-only, and
nothing else of the machine. Each environment is born in a copy of it and in more namespaces of its own (`Root.fork`).
`enter` puts its own files there and gives up every right for good. What is done after that is the function's.
https://man7.org/linux/man-pages/man7/namespaces.7.html
"""

import fcntl
import os
import resource
import socket
import struct
import sys

import kernel
import landlock
import syscall_filter

_NAMESPACES = kernel.NEWNS | kernel.NEWPID | kernel.NEWIPC | kernel.NEWUTS
# The ids that a function has on AWS, with no user outside behind them.
UID, GID = 993, 990
# Where root runs Fogbank, each environment has a user of its own outside: beyond what systems give to people, services
# and containers (https://systemd.io/UIDS-GIDS/).
OUTER_UID_FIRST, OUTER_UIDS = 1_900_000_000, 100_000
RUNTIME_API_PORT = 9001
PROCESSES_MAX = 1024
OPEN_FILES_MAX = 1024

_MS_REMOUNT = 0x20
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_SETTINGS = (
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/localtime", "/etc/alternatives", "/etc/fonts", "/etc/mime.types", "/etc/protocols",
    "/etc/services",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom")
DEVICES = [f"/dev/{name}" for name in _DEVICES]
WRITABLE = ["/tmp"]
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
# What of /proc tells of the machine and not of the environment, as container engines hide it, too.
_HIDDEN_FOLDERS = ("acpi", "asound", "scsi", "driver", "fs", "irq", "bus", "tty", "sysvipc")
_HIDDEN_FILES = (
    "cmdline", "config.gz", "diskstats", "interrupts", "kallsyms", "kcore", "key-users", "keys", "kmsg", "kpagecgroup",
    "kpagecount", "kpageflags", "latency_stats", "modules", "sched_debug", "schedstat", "softirqs", "sysrq-trigger",
    "timer_list", "timer_stats", "vmallocinfo", "zoneinfo",
)  # fmt: skip
_ETC = {
    "passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
    f"sbx_user1051:x:{UID}:{GID}::/home/sbx_user1051:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "group": f"root:x:0:\nsbx_user1051:x:{GID}:\nnobody:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox.localdomain sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n",
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n",
}


class Belongings:
    """What is an environment's own and is found in the machine's mounts, as descriptors."""

    def __init__(self):
        self.entrances = []
        """The files by which a process enters its control groups."""
        self.mounts = {}
        """By their places in the sandbox."""

    def close(self):
        for descriptor in (*self.entrances, *self.mounts.values()):
            os.close(descriptor)


class Root:
    """The root that all environments of one zygote begin with; `folder` is an empty one to make it in."""

    def __init__(self, folder, visible, runtimes):
        self.folder = folder
        self.privileged = os.geteuid() == 0
        self.zygote_pid = os.getpid()
        uid, gid = os.geteuid(), os.getegid()
        # The user's own ids outside; root gets one for each environment.
        kernel.unshare(kernel.NEWNS | (0 if self.privileged else kernel.NEWUSER))
        if not self.privileged:
            map_ids(os.open("/proc/self", os.O_PATH), uid, gid, uid, gid)
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID, "mode=755")
        for name in ("proc", "tmp", "dev", "opt", "etc", "var/task", "var/runtime", "var/tmp"):
            os.makedirs(f"{folder}/{name}")
        self._shown = []
        for path in (*_SYSTEM, *_SETTINGS, *sorted(visible)):
            self.show(path)
        for name, path in runtimes.items():
            os.mkdir(f"{folder}/var/runtime/{name}")
            kernel.bind_read_only(path, f"{folder}/var/runtime/{name}")
        for name in _DEVICES:
            place = f"{folder}/dev/{name}"
            _touch(place)
            kernel.bind_read_only(f"/dev/{name}", place, devices=True)
        for name, target in _LINKS.items():
            os.symlink(target, f"{folder}/dev/{name}")
        for name, content in _ETC.items():
            with open(f"{folder}/etc/{name}", "w") as file:
                file.write(content)
        if not self.privileged:
            # Who has no rights outside may mount a /proc only where one can be seen; the sandbox's own covers it.
            kernel.mount("/proc", f"{folder}/proc", None, kernel.MS_BIND | kernel.MS_REC)
        self.outer_proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        self._machine = self._mounts()
        kernel.unshare(kernel.NEWNS)
        kernel.pivot_root_into(folder)
        kernel.mount("none", "/", None, kernel.MS_BIND | _MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID)
        self._template = self._mounts()
        kernel.enter_mounts(self._machine)
        self._inner_template = self._make_inner_template()
        if syscall_filter.known():
            for template in (False, True):
                syscall_filter.assembled(template=template)

    def _make_inner_template(self):
        """What a sandbox inside another one begins with; None where the machine refuses to copy its /proc."""
        if not self.privileged:
            return self._template
        # Whoever makes it has no rights outside, either, and could not mount a /proc where none can be seen.
        try:
            proc = kernel.copy_mount("/proc")
            kernel.enter_mounts(self._template)
            kernel.unshare(kernel.NEWNS)
            kernel.place(proc, "/proc")
            return self._mounts()
        except OSError:
            return None
        finally:
            kernel.enter_mounts(self._machine)

    def _mounts(self):
        return os.open("self/ns/mnt", os.O_RDONLY, dir_fd=self.outer_proc)

    def gather(self, order, belongings):
        """What `fork` and `enter` need of the machine's mounts."""
        belongings.mounts["/var/task"] = kernel.copy_mount(order["code"])
        layers = order["layers"]
        if len(layers) == 1:
            belongings.mounts["/opt"] = kernel.copy_mount(layers[0])
        elif layers:
            place = f"{self.folder}/opt"
            lower = ":".join(_escaped(layer) for layer in reversed(layers))
            kernel.mount("overlay", place, "overlay", kernel.MS_RDONLY, f"lowerdir={lower}")
            belongings.mounts["/opt"] = kernel.copy_mount(place)
            kernel.unmount(place)
        if order["network"] == "full":
            for file in ("/etc/hosts", "/etc/resolv.conf"):
                if os.path.exists(file):
                    belongings.mounts[file] = kernel.copy_mount(os.path.realpath(file))
        for path in order["cgroups"]:
            belongings.entrances.append(os.open(path, os.O_WRONLY))

    def fork(self, order):
        """A process in new namespaces and this root; as os.fork, the child's pid and in the child 0."""
        network = 0 if order["network"] == "full" else kernel.NEWNET
        kernel.enter_mounts(self._template)
        pid = -1
        try:
            pid = kernel.fork_into(_NAMESPACES | network)
        finally:
            if pid != 0:
                kernel.enter_mounts(self._machine)
        return pid

    def fork_inside(self, template, child):
        """Run `child` in a process that has the same, made inside the sandbox of a process, given by its pidfd.

        Its namespaces are owned by the user of that sandbox, whose processes a tracer can have enter them.
        """
        if self._inner_template is None:
            raise OSError("/proc cannot be copied")
        if self.privileged:
            os.setgroups([])  # Inside, nobody may any more.
        kernel.enter_mounts(self._inner_template)
        # Only members of a pid namespace can make another one in it: children of who has entered it.
        kernel.enter(template, kernel.NEWUSER | kernel.NEWPID)
        member = os.fork()
        if member:
            os.waitpid(member, 0)
            return
        os.setresgid(GID, GID, GID)
        os.setresuid(UID, UID, UID)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        if kernel.fork_into(_NAMESPACES | kernel.NEWUSER | kernel.NEWNET) == 0:
            child()
        os._exit(0)

    def show(self, path):
        """Make a path of the machine visible under its own name, unless it is already or is not there."""
        if any(path == shown or path.startswith(f"{shown}/") for shown in self._shown) or not os.path.exists(path):
            return
        place = self.folder + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.islink(path) and path in _SYSTEM:
            os.symlink(os.readlink(path), place)
        else:
            if os.path.isdir(path):
                os.makedirs(place, exist_ok=True)
            else:
                _touch(place)
            kernel.bind_read_only(path, place)
        self._shown.append(path)


def enter(root, order, belongings):
    """Make this process, newly born by `Root.fork`, the first one of a sandbox.

    What it gives are the sockets that listen in the sandbox's network, for the server to answer.
    """
    for entrance in belongings.entrances:
        os.write(entrance, b"0")
    if order["within"]:
        _map_self(root, UID, GID)
    kernel.unshare(kernel.NEWCGROUP)
    listeners = _listeners(order) if order["network"] != "full" else []
    if order["within"]:
        uid, gid = UID, GID
    elif root.privileged:
        uid = gid = OUTER_UID_FIRST + (root.zygote_pid * 1009 + order["order"]) % OUTER_UIDS
    else:
        uid, gid = os.geteuid(), os.getegid()
    for place, copy in belongings.mounts.items():
        kernel.place_read_only(copy, place)
    # Where Fogbank is installed below /tmp, the SDK is there and has to stay.
    installed = {name: kernel.copy_mount(f"/tmp/{name}") for name in os.listdir("/tmp")}
    size = f"size={order['ephemeral_mb']}m,mode=700,uid={uid},gid={gid}"
    kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)
    for name, copy in installed.items():
        os.mkdir(f"/tmp/{name}")
        kernel.place_read_only(copy, f"/tmp/{name}")
    _mount_proc("/proc")
    socket.sethostname("localhost")
    _limit(order)
    if root.privileged and not order["within"]:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    _give_up_rights(root, uid, gid)
    if not order["template"]:
        # The first process of a sandbox that a fork is carried to has to end it.
        wall_in(signals=order["within"])
    if syscall_filter.known():
        syscall_filter.install(template=order["template"])
    return listeners


def wall_in(*, signals=False):
    """Have Landlock hold this process and all that it starts, which may write to their own files only."""
    landlock.restrict(writable=WRITABLE, devices=DEVICES, signals=signals)


def lacks():
    """What this kernel has not got of the second walls; a line each."""
    missing = [] if landlock.version() else ["no Landlock (files are kept apart by mounts alone)"]
    if not syscall_filter.known():
        missing.append(f"no filter of system calls for {kernel.MACHINE}")
    return missing


def map_ids(process, inner_uid, inner_gid, outer_uid, outer_gid):
    """Say who of the parent's users is who in the new user namespace of a process, given by its folder in /proc."""
    entries = (
        ("setgroups", "deny"),
        ("gid_map", f"{inner_gid} {outer_gid} 1"),
        ("uid_map", f"{inner_uid} {outer_uid} 1"),
    )
    for name, content in entries:
        file = os.open(name, os.O_WRONLY, dir_fd=process)
        os.write(file, content.encode())
        os.close(file)
    os.close(process)


def _listeners(order):
    """What the server answers in here: the Runtime API, and in a network of Fogbank's its endpoint and its names.

    Sockets belong to the network that they were made in, whoever has them.
    """
    with socket.socket() as any_socket:
        loopback = struct.pack("16sH14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, loopback)  # SIOCSIFFLAGS
    port = order["cloud_port"]
    listeners = [socket.create_server(("127.0.0.1", RUNTIME_API_PORT + (port == RUNTIME_API_PORT)), backlog=128)]
    if order["network"] == "cloud" and port:
        listeners.append(socket.create_server(("127.0.0.1", port), backlog=128))
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind(("127.0.0.1", 53))
        listeners.append(names)
    return listeners


def _mount_proc(place):
    nothing = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", place, "proc", nothing)
    for name in _HIDDEN_FOLDERS:
        if os.path.isdir(f"{place}/{name}"):
            kernel.mount("tmpfs", f"{place}/{name}", "tmpfs", nothing | kernel.MS_RDONLY, "size=0,mode=555")
    for name in _HIDDEN_FILES:
        if os.path.exists(f"{place}/{name}"):
            kernel.mount("/dev/null", f"{place}/{name}", None, kernel.MS_BIND)
    kernel.seal(place)


def _limit(order):
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES_MAX,
        resource.RLIMIT_FSIZE: order["ephemeral_mb"] << 20,
        resource.RLIMIT_MEMLOCK: 64 << 10,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, limit in limits.items():
        resource.setrlimit(kind, (limit, limit))


def _give_up_rights(root, uid, gid):
    """Become a user who may nothing, in a user namespace that owns nothing."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    kernel.unshare(kernel.NEWUSER)
    _map_self(root, uid, gid)
    kernel.drop_capabilities()
    # Set in here it counts this user namespace; before, it would have been a limit on all environments together.
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES_MAX, PROCESSES_MAX))


def _map_self(root, outer_uid, outer_gid):
    # The sandbox's own /proc cannot be written to.
    map_ids(os.open("self", os.O_PATH, dir_fd=root.outer_proc), UID, GID, outer_uid, outer_gid)


def _escaped(path):
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _touch(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def python_paths():
    """The folders of this interpreter, which lie anywhere."""
    return {os.path.realpath(path) for path in (sys.base_prefix, sys.base_exec_prefix) if path != "/usr"}
