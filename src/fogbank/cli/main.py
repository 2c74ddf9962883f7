"""The `fogbank` command: its verbs, their options, and how a failure is told."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from fogbank import __version__
from fogbank.cli.failure import Failure

Command = Callable[[argparse.Namespace], None]


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the examples as they are written."""


class _Parser(argparse.ArgumentParser):
    """Tells a wrong use in one line with the way out."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f'fogbank: {message}: see "{self.prog} --help"\n')


def build_parser() -> _Parser:
    """All commands. Each imports its code when it runs, so that `fogbank up` starts fast."""
    parser = _Parser(
        prog="fogbank",
        description="An AWS-compatible cloud on your own machine.",
        epilog="example:\n  fogbank up            (in one terminal)\n  eval $(fogbank env)   (in another)\n"
        "  aws sqs create-queue --queue-name hello",
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"fogbank {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)

    up = _verb(
        verbs,
        "up",
        "start Fogbank",
        "fogbank up --data ./cloud --sync process\n  fogbank up --auth iam --untrusted strict\n"
        "  fogbank up --compute ray://head.example:10001",
    )
    up.add_argument("--data", metavar="DIR", help="data folder (default: $FOGBANK_DATA or ~/.fogbank)")
    up.add_argument("--port", type=int, default=4566, help="port to listen on (default: 4566; 0 picks a free one)")
    up.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    up.add_argument(
        "--sync",
        choices=("disk", "process"),
        default="disk",
        help="disk: every answer is flushed to disk first; process: survives kill -9, not a power cut",
    )
    up.add_argument("--ephemeral", action="store_true", help="keep nothing: a temporary data folder")
    _server_options(up)
    up.set_defaults(function_network="cloud", untrusted="tagged", compute="process")
    up.add_argument("--insecure", action="store_true", help="allow a --host beyond loopback without authentication")
    up.add_argument(
        "--audit",
        choices=("management", "all"),
        default="management",
        help="what is recorded beside denials: what manages resources, or operations on data, too",
    )
    up.add_argument("--virtual-clock", action="store_true", help="let POST /_fogbank/clock move the time")
    up.add_argument(
        "--account", default="000000000000", help="account of unknown access keys, 12 digits (default: 000000000000)"
    )
    up.add_argument("--region", default="us-east-1", help="region of unsigned requests (default: us-east-1)")
    up.add_argument("-d", "--detach", action="store_true", help="run in the background")
    up.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what is logged (default: info)",
    )

    down = _verb(verbs, "down", "stop Fogbank", "fogbank down")
    down.add_argument("--data", metavar="DIR", help="data folder of the server to stop")

    status = _verb(verbs, "status", "show what runs, and where", "fogbank status --json")
    reset = _verb(verbs, "reset", "remove all state from the running Fogbank", "fogbank reset --yes")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    env = _verb(verbs, "env", "print the exports that point AWS tools here", "eval $(fogbank env)")

    keys = _verb(verbs, "credentials", "show the root's access key of --auth iam", "eval $(fogbank credentials)")
    keys.add_argument("--data", metavar="DIR", help="the server's data folder (default: $FOGBANK_DATA or ~/.fogbank)")
    audit = _verb(
        verbs,
        "audit",
        "print who did what, and why it was allowed or denied",
        "fogbank audit --denied --since 2h\n  fogbank audit --action sqs:CreateQueue --follow",
    )
    audit.add_argument("--principal", default="", metavar="TEXT", help="only of principals whose ARN has this text")
    audit.add_argument("--action", default="", metavar="SERVICE:OPERATION", help="only this, or what begins so")
    audit.add_argument("--denied", action="store_true", help="only what policies denied")
    audit.add_argument("--since", default="24h", metavar="AGE", help="such as 15m, 2h or 30d (default: 24h)")
    audit.add_argument("-f", "--follow", action="store_true", help="go on with what happens")

    deploy = _verb(
        verbs,
        "deploy",
        "deploy a CloudFormation or SAM template",
        "fogbank deploy template.yaml --stack shop Stage=dev",
    )
    deploy.add_argument("template", help="the template's file")
    deploy.add_argument(
        "parameters",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="values of the template's parameters; those not given stay as they are",
    )
    deploy.add_argument("--stack", help="the stack's name (default: the template's folder)")

    run = _verb(
        verbs,
        "run",
        "deploy a solution, drive it and print its report",
        "fogbank run wellright --ephemeral\n  fogbank run wellright -- --entries 2000",
    )
    run.add_argument(
        "name",
        nargs="?",
        help="the solution; without it, the list of them. What stands behind -- is for its driver: see its README",
    )
    run.add_argument("--ephemeral", action="store_true", help="on a temporary Fogbank, stopped afterwards")
    _server_options(
        run.add_argument_group("of the temporary Fogbank", "Without --auth it is as the solution's template says.")
    )
    run.set_defaults(arguments=[])

    logs = _verb(
        verbs,
        "logs",
        "print a log group, or what a query of Logs Insights finds in it",
        "fogbank logs -f /aws/lambda/hello\n"
        "  fogbank logs /aws/lambda/hello --query 'filter @type = \"REPORT\" | stats avg(@duration) by bin(5m)'",
    )
    logs.add_argument("group", help="the log group's name")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what arrives")
    logs.add_argument("--filter", default="", metavar="PATTERN", help="a CloudWatch Logs filter pattern")
    logs.add_argument("--query", metavar="QUERY", help="a query in the language of Logs Insights; prints a table")

    snapshot = _verb(
        verbs,
        "snapshot",
        "save or load the whole state",
        "fogbank snapshot save before.fog\n  fogbank snapshot load before.fog",
    )
    snapshot.add_argument("action", choices=("save", "load"), help="load replaces all state by what was saved")
    snapshot.add_argument("file", help="has all secrets in it: keep it as you keep the data folder")

    for verb in (status, reset, env, deploy, run, logs, snapshot, audit):
        verb.add_argument(
            "--endpoint",
            metavar="URL",
            help="the server (default: $AWS_ENDPOINT_URL, the one on your data folder, or http://localhost:4566)",
        )
    for verb in (up, down, status, reset, env, keys, deploy, run, snapshot, logs, audit):
        verb.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser


def _server_options(verb: "argparse._ActionsContainer") -> None:
    """What a server is told of who may do what, whoever starts it."""
    verb.add_argument(
        "--auth",
        choices=("off", "iam"),
        help="off (default on loopback): any credentials are accepted; iam (default elsewhere): signatures are "
        "verified and policies enforced",
    )
    verb.add_argument(
        "--function-network",
        choices=("none", "cloud", "full"),
        help="what functions reach: nothing, Fogbank alone (default), or all that this machine does",
    )
    verb.add_argument(
        "--untrusted",
        choices=("tagged", "strict"),
        help="which functions run in a whole sandbox or not at all: those tagged fogbank:untrusted (default), or all",
    )
    verb.add_argument(
        "--compute",
        metavar="WHERE",
        help="where functions run: process (default) is this machine, ray://HOST:PORT a Ray cluster, and ray the one "
        "that this machine is a node of",
    )


def _verb(verbs: "argparse._SubParsersAction[_Parser]", name: str, text: str, example: str) -> _Parser:
    return verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example:\n  {example}",
        formatter_class=_Formatter,
    )  # fmt: skip


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before and behind the first `--`."""
    at = list(arguments).index("--") if "--" in arguments else len(arguments)
    return list(arguments[:at]), list(arguments[at + 1 :])


_MODULES = {
    "up": "server",
    "down": "server",
    "status": "state",
    "reset": "state",
    "snapshot": "state",
    "env": "state",
    "credentials": "state",
    "audit": "audit",
    "deploy": "deploy",
    "run": "run",
    "logs": "logs",
}

_FUNCTIONS = {"credentials": "show_credentials"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a failure is one line on stderr and exit code 1."""
    own, passed_on = _split(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser()
    options, rest = parser.parse_known_args(own)
    if options.verb == "deploy" and not any(word.startswith("-") for word in rest):
        # argparse does not go on with KEY=VALUE behind an option.
        options.parameters += rest
    elif rest:
        parser.error(f"{options.verb} does not know {' '.join(rest)}")
    if passed_on and options.verb != "run":
        parser.error(f"{options.verb} passes nothing on: leave out --")
    if passed_on:
        options.arguments = passed_on
    module = import_module(f"fogbank.cli.{_MODULES[options.verb]}")
    command: Command = getattr(module, _FUNCTIONS.get(options.verb, options.verb))
    try:
        command(options)
    except Failure as failure:
        print(f"fogbank: {failure}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
