# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""The first process of a sandbox: starts the function's processes and takes orphans. Standard library only.

It tells `ready`, with the sockets that listen inside, or `failed REASON`, and then takes orders (fork_server.py) from
the server. When it ends, the kernel ends all that is left in the sandbox.
"""

import contextlib
import functools
import os
import select
import signal
import socket

import carrying
import fork_server
import isolation
import kernel
import program


def start(root, order, control):
    """Fork the first process of a new sandbox; its pid. If there can be none, a process that says so."""
    return _start(
        root,
        order,
        control,
        make=lambda: root.fork(order),
        child=lambda belongings: run(root, order, belongings, control),
    )


def start_inside(root, order, control, template):
    """The same inside the sandbox of a process, given by its pidfd; the pid of who makes it.

    The first process of that sandbox becomes the parent.
    """

    def make_inside(belongings):
        kernel.die_with_parent()
        try:
            root.fork_inside(template, lambda: run(root, order, belongings, control))
        except OSError as error:
            os.write(control, _refusal(error))

    return _start(root, order, control, make=os.fork, child=make_inside)


def _start(root, order, control, *, make, child):
    belongings = isolation.Belongings()
    try:
        root.gather(order, belongings)
        return fork_server.fork(make, lambda: child(belongings))
    except OSError as error:
        reason = _refusal(error)
        return fork_server.fork(os.fork, lambda: os.write(control, reason))
    finally:
        belongings.close()


def _refusal(error):
    return f"failed {error}\n".encode()


def run(root, order, belongings, control):
    os.setsid()
    _die_with_parent(order)
    channel = socket.socket(fileno=os.dup(control))
    try:
        listeners = isolation.enter(root, order, belongings)
    except Exception as error:  # Whatever it is, the server hears of it.
        channel.sendall(_refusal(error))
        os._exit(1)
    _die_with_parent(order)
    if order["hidden"]:
        hide()
    socket.send_fds(channel, [b"ready\n"], [listener.fileno() for listener in listeners])
    null = os.open(os.devnull, os.O_RDWR)
    fork_server.keep_only(null, null, null, channel.detach())
    channel = socket.socket(fileno=3)
    if order["template"]:
        _use_up_a_pid()
    within = order["within"]
    guests: list[int] = []

    def make_socket(order, descriptors):
        """It belongs to the network in here, whoever connects it."""
        with socket.socket() as made:
            socket.send_fds(channel, [b"socket %d\n" % order["order"]], [made.fileno()])

    def welcome(order, descriptors):
        """Let a process that was carried here go on; it stood still while this one could be entered."""
        hide()
        with contextlib.suppress(OSError):  # That it has ended is told by whoever is its parent.
            guests.append(os.pidfd_open(order["pid"]))
            os.write(descriptors[0], order["letter"].encode())

    def send_signal(order, descriptors):
        _send_signal(order["pid"], order["signal"])
        while order["until_all_ended"] and guests:
            # It is nobody's child here, but its children become this process's when it ends.
            guest = guests.pop()
            select.select([guest], [], [])
            os.close(guest)

    def start_program(order, descriptors):
        def child():
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
            if within:
                isolation.wall_in()  # This process's own wall lets signals to a guest through.
            program.become(order, *descriptors)

        return fork_server.fork(os.fork, child)

    actions = {"program": start_program, "signal": send_signal, "socket": make_socket, "welcome": welcome}
    fork_server.follow(channel, actions, strangers=order["template"])


def hide():
    """The function cannot look into this process."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _die_with_parent(order):
    # Who made a sandbox inside another one ends at once; that other one, when it ends, takes what is in it along.
    if not order["within"]:
        kernel.die_with_parent()


def _use_up_a_pid():
    """Forks have the first pid, so that what they are made of has another: by that OpenSSL knows that it was forked."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _send_signal(pid, number):
    """To a process and its group, or with -1 to all but this one."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)
    if pid > 0:
        with contextlib.suppress(OSError):
            os.killpg(pid, number)


def try_out(root):
    """Make a sandbox and another one inside it. Why nothing can be forked here, if so; raises OSError, which says why
    there is no sandbox at all.
    """
    line, first = _tried(root, start, within=False)
    try:
        if kernel.MACHINE != "x86_64":
            return f"processes are forked on x86_64, and this is {kernel.MACHINE}"
        _try_out_inside(root, first)
    except (OSError, ValueError) as error:
        return f"nobody may make a sandbox inside another one and trace what is in it ({error})"
    finally:
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        line.close()
    return ""


def _try_out_inside(root, sandbox):
    process = os.pidfd_open(sandbox)
    try:
        line, maker = _tried(root, functools.partial(start_inside, template=process), within=True)
        with line:
            os.waitpid(maker, 0)  # Then that sandbox's first process is the other one's child.
            with open(f"/proc/{sandbox}/task/{sandbox}/children") as file:
                carrying.try_out(int(file.read()))
    finally:
        os.close(process)


def _tried(root, make, *, within):
    """The line to the first process of a sandbox, which is ready, and the pid that `make` gives."""
    ours, theirs = socket.socketpair()
    order = {
        "order": 0,
        "code": root.folder,
        "layers": [f"{root.folder}/etc", f"{root.folder}/dev"],
        "ephemeral_mb": 1,
        "network": "none",
        "cloud_port": 0,
        "cgroups": [],
        "template": False,
        "within": within,
        "hidden": False,
    }
    with theirs:
        pid = make(root, order, theirs.fileno())
    answer = ours.recv(4096)
    if answer != b"ready\n":
        ours.close()
        os.waitpid(pid, 0)
        raise OSError(answer.decode().strip().removeprefix("failed ") or "a first process ended")
    return ours, pid
