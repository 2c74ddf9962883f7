"""Try the real clients: `python -m tests.clients`, or only some: `python -m tests.clients aws-cli sam`."""

import argparse
import subprocess
import sys

from tests.clients.checks import CHECKS
from tests.clients.tools import Missing
from tests.conftest import LiveServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CHECKS, []], help="the clients to try; all by default")
    options = parser.parse_args()
    failed = []
    for name in options.names or CHECKS:
        server = LiveServer("--ephemeral")
        try:
            CHECKS[name](server.endpoint)
        except Missing as reason:
            print(f"{name}: skipped, {reason}", flush=True)
        except (AssertionError, subprocess.SubprocessError, KeyError, ValueError) as error:
            failed.append(name)
            print(f"{name}: FAILED\n{error}", flush=True)
        else:
            print(f"{name}: passed", flush=True)
        finally:
            server.stop()
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
