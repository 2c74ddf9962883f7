"""The long form: `python -m tests.fuzz --requests 20000`; a seed repeats an earlier run."""

import argparse
import os
import random
import sys
from functools import partial

from fogbank.core.root_key import KEY_VARIABLE, SECRET_VARIABLE
from tests.conftest import LiveServer
from tests.fuzz.campaign import campaign
from tests.fuzz.corpus import ACCOUNT
from tests.fuzz.generated import generated


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(100_000))
    parser.add_argument(
        "--auth", choices=("off", "iam"), default="off", help="iam: the generated requests are the root's"
    )
    options = parser.parse_args()
    auth = ("--auth", "iam", "--account", ACCOUNT) if options.auth == "iam" else ()
    if auth:
        os.environ |= {KEY_VARIABLE: "AKIAFUZZFUZZFUZZFUZZ", SECRET_VARIABLE: "fuzz" * 8}
    print(f"SEED={options.seed}", flush=True)
    told = partial(print, flush=True)
    codes, results = [], []
    for kind in (campaign, generated):
        server = LiveServer("--ephemeral", "--virtual-clock", *auth)
        try:
            results.append(kind(server.endpoint, requests=options.requests, seed=options.seed, progress=told))
        finally:
            codes.append(server.stop())
    result, drawn = results
    result.statuses += drawn.statuses
    result.failures += drawn.failures
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(result.statuses.items(), key=str))
    print(f"{result.sent} spoilt and {drawn.sent} generated requests, answers {statuses} (None: connection closed)")
    if result.failures or any(codes):
        print(f"SEED={options.seed}:", *result.failures, f"the servers ended with {codes}", sep="\n")
        sys.exit(1)
    print("no 5xx, no hang, no state changed by a refused request")


if __name__ == "__main__":
    main()
