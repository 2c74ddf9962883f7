"""A temporary Fogbank for one run of a solution, and the operator who runs it where identity is enforced."""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fogbank.cli.client import aws
from fogbank.cli.failure import Failure

SERVER_OPTIONS = ("auth", "function_network", "untrusted", "compute")
"""What `up` and `run --ephemeral` have in common."""
_OPERATOR = "operator"
_RIGHTS = "arn:aws:iam::aws:policy/AdministratorAccess"


@contextmanager
def temporary_server(options: argparse.Namespace, *, auth: str) -> Iterator[None]:
    """On a free port, with a clock that can be moved, for the drivers that do so. `auth` holds if no option says it.

    With `iam` this process and those that it starts have an operator's key: root cannot assume roles. The root's is
    beside it, for the server's own endpoints.
    """
    arguments = ["--ephemeral", "--virtual-clock", "--port", "0", "--json", "--log-level", "warning"]
    for name, value in ({"auth": auth} | given(options)).items():
        arguments += [f"--{name.replace('_', '-')}", value]
    server = subprocess.Popen([sys.executable, "-m", "fogbank", "up", *arguments], stdout=subprocess.PIPE, text=True)
    on_termination = signal.signal(signal.SIGTERM, _take_along(server))
    before = dict(os.environ)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise Failure("the temporary Fogbank did not start: its reason is above")
        started = json.loads(line)
        options.endpoint = started["endpoint"]
        print(f"A temporary Fogbank runs at {options.endpoint}", file=sys.stderr)
        if started["auth"] == "iam":
            _become_operator(options, Path(started["data"]))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.terminate()
        server.communicate(timeout=60)
        signal.signal(signal.SIGTERM, on_termination)


def _take_along(server: subprocess.Popen[str]) -> Callable[[int, object], None]:
    """Whoever is told to end tells the server. An exception would do, but can be lost where it comes."""

    def leave(number: int, _: object) -> None:
        server.terminate()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    return leave


def given(options: argparse.Namespace) -> dict[str, str]:
    """The options of a server that were said."""
    values = {name: getattr(options, name) for name in SERVER_OPTIONS}
    return {name: value for name, value in values.items() if value is not None}


def _become_operator(options: argparse.Namespace, folder: Path) -> None:
    from fogbank.core.root_key import KEY_VARIABLE, SECRET_VARIABLE, read_root_key

    root = read_root_key(folder)
    assert root is not None, "a server that verifies signatures has written it before it was ready"
    os.environ |= {KEY_VARIABLE: root.access_key, SECRET_VARIABLE: root.secret}
    _use(root.access_key, root.secret)
    iam = aws(options, "iam")
    iam.create_user(UserName=_OPERATOR)
    iam.attach_user_policy(UserName=_OPERATOR, PolicyArn=_RIGHTS)
    key = iam.create_access_key(UserName=_OPERATOR)["AccessKey"]
    _use(key["AccessKeyId"], key["SecretAccessKey"])


def _use(access_key: str, secret: str) -> None:
    for other in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        os.environ.pop(other, None)
    os.environ |= {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}
