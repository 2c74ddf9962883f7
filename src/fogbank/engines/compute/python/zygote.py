# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""Forks environments off an interpreter that is already warm. Standard library only; nothing of Fogbank.

Its stdin is a connected socket, over which it is given orders (fork_server.py), its argument a JSON document of
settings. Its first line is `sandbox` and, as JSON, what this machine lacks for one. It forks sandboxes, whose first
processes take orders of their own (init.py): no secret of a function ever comes here. Where there are no sandboxes it
forks the function's processes itself.
"""

import contextlib
import gc
import glob
import json
import os
import socket
import sys

# This interpreter looks for modules in no folder that it is not told of.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import fork_server
import program

if sys.platform == "linux":
    import carrying
    import init
    import isolation


def main():
    control = socket.socket(fileno=sys.stdin.fileno())
    settings = json.loads(sys.argv[1])
    os.umask(0o022)  # What is made for sandboxes is there for users of theirs.
    sys.path += settings["sdk"]
    program.preload()
    root, lacks, no_forks = _sandbox(settings)
    gc.collect()
    gc.freeze()  # Forked processes then share these pages for longer.
    found = {"there": root is not None, "lacks": lacks, "no_forks": no_forks}
    control.sendall(b"sandbox %s\n" % json.dumps(found).encode())
    frozen_folders: set[str] = set()

    def start_sandbox(order, descriptors):
        frozen_folders.add(order["frozen_folder"])
        return init.start(root, order, *descriptors)

    def start_sandbox_inside(order, descriptors):
        frozen_folders.add(order["frozen_folder"])
        return init.start_inside(root, order, *descriptors)

    def keep(order, descriptors):
        return fork_server.fork(os.fork, lambda: carrying.keep(order, *descriptors))

    def start_program(order, descriptors):
        return fork_server.fork(os.fork, lambda: program.become(order, *descriptors))

    actions = {"sandbox": start_sandbox, "program": start_program}
    if root is not None:
        actions |= {"sandbox_inside": start_sandbox_inside, "keep": keep}
    fork_server.follow(control, actions)
    _thaw(frozen_folders)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _thaw(folders):
    """What is frozen does not end, killed or not."""
    for folder in filter(None, folders):
        for file in glob.glob(f"{glob.escape(folder)}/*/freezer.state"):
            with contextlib.suppress(OSError), open(file, "w") as state:
                state.write("THAWED")


def _sandbox(settings):
    """The root of all sandboxes, if this machine can have some, what it lacks, and why nothing is forked, if so."""
    if sys.platform != "linux":
        return None, ["sandboxes are there on Linux only"], ""
    visible = {*isolation.python_paths(), *settings["visible"]}
    for path in settings["sdk"]:
        visible |= {f"{path}/{name}" for name in (*program.PRELOADED, "six.py")}
        visible |= set(glob.glob(f"{path}/_awscrt*"))
    try:
        root = isolation.Root(settings["root"], visible, settings["runtimes"])
        no_forks = init.try_out(root)
    except OSError as error:
        return None, [f"no sandboxes ({error})"], ""
    return root, isolation.lacks(), no_forks


if __name__ == "__main__":
    main()
