"""The long form: `python -m tests.fuzz --requests 20000`; a seed repeats an earlier run."""

import argparse
import random
import sys
from functools import partial

from tests.conftest import LiveServer
from tests.fuzz.campaign import campaign
from tests.fuzz.generated import generated


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(100_000))
    options = parser.parse_args()
    print(f"SEED={options.seed}", flush=True)
    server = LiveServer("--ephemeral", "--virtual-clock")
    told = partial(print, flush=True)
    try:
        result = campaign(server.endpoint, requests=options.requests, seed=options.seed, progress=told)
        drawn = generated(server.endpoint, requests=options.requests, seed=options.seed, progress=told)
    finally:
        code = server.stop()
    result.statuses += drawn.statuses
    result.failures += drawn.failures
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(result.statuses.items(), key=str))
    print(f"{result.sent} spoilt and {drawn.sent} generated requests, answers {statuses} (None: connection closed)")
    if result.failures or code:
        print(f"SEED={options.seed}:", *result.failures, f"the server ended with {code}", sep="\n")
        sys.exit(1)
    print("no 5xx, no hang, no state changed by a refused request")


if __name__ == "__main__":
    main()
