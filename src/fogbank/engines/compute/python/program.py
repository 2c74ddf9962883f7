# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""A process of a function: its runtime, or an extension. Standard library only; nothing of Fogbank."""

import contextlib
import functools
import os
import random
import resource
import sys
import time

import fork_server

if sys.platform == "linux":
    import kernel

PRELOADED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "awscrt")
# The memory limit is the control group's, or a watch that acts ten times a second; this is only the wall behind it. An
# interpreter maps far more than it uses (thread stacks, malloc arenas), so it stands well behind the function's memory.
# Other runtimes have none: V8 maps 8 GB for each memory of WebAssembly, which Node's `fetch` needs.
ADDRESS_SPACE_HEADROOM = 4 << 30


# The descriptor of a template's letterbox.
LETTERBOX = 3


def preload():
    """Import what most functions import, so that a fork has it at once."""
    import decimal  # noqa: F401
    import encodings.idna  # noqa: F401  # Whoever looks up a host needs it: the runtime's own client does.
    import logging  # noqa: F401
    import ssl  # noqa: F401
    import uuid  # noqa: F401

    import runtime  # noqa: F401

    # Where Fogbank runs there is a CRT, and in AWS's runtimes and in sandboxes there is none: the SDK must not find it.
    sys.modules["awscrt"] = None  # type: ignore[assignment]
    with contextlib.suppress(ImportError):
        import botocore.auth
        import botocore.endpoint
        import botocore.httpsession
        import botocore.parsers
        import botocore.retries.standard
        import botocore.signers  # noqa: F401
    del sys.modules["awscrt"]
    _own_modules()


def become(order, log, *letterbox):
    """Turn this forked process into what the order asks for; does not return. A template has a letterbox."""
    os.setsid()
    if sys.platform == "linux":
        kernel.die_with_parent()
        if not order["command"]:
            limit = (order["memory_mb"] << 20) + ADDRESS_SPACE_HEADROOM
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    fork_server.keep_only(os.open(os.devnull, os.O_RDONLY), log, log, *letterbox)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["code"])
    time.tzset()
    if order["command"]:
        _execute(order["command"])
    # For the life of the process.
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.argv = ["bootstrap"]
    extra = [path for path in order["environment"].get("PYTHONPATH", "").split(":") if path]
    sys.path[:0] = [order["code"], *order["python_path"], *extra]
    _forget_bundled(sys.path[: 1 + len(order["python_path"])])
    random.seed()
    import runtime

    _forget_own()
    runtime.serve(order["handler"], LETTERBOX if letterbox else None)


def _forget_own():
    """Leave the names of these files to the function's modules: it may have a runtime.py of its own."""
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != folder]
    sys.path.append(f"{os.environ['LAMBDA_RUNTIME_DIR']}/python/bundled")
    for name in _own_modules():
        del sys.modules[name]


@functools.cache
def _own_modules():
    """What is loaded of these files. Found before there are forks: who looks at a module has a copy of its page."""
    folder = os.path.dirname(os.path.abspath(__file__))
    files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
    return [name for name, file in files.items() if os.path.dirname(file) == folder]


def _execute(command):
    """Does not return; what a shell would exit with if it cannot be done."""
    try:
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _forget_bundled(code_paths):
    """Drop preloaded packages that the function brings itself, so that it gets its own."""
    if not any(os.path.isdir(os.path.join(path, name)) for path in code_paths for name in PRELOADED):
        return
    for module in [name for name in sys.modules if name.partition(".")[0] in PRELOADED]:
        del sys.modules[module]
