"""The long form: `python -m tests.crash --kills 50`; a seed repeats the moments of an earlier run."""

import argparse
import random
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.crash.campaign import campaign


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="altogether, half of them with each --sync")
    parser.add_argument("--seed", type=int, default=random.randrange(100_000))
    options = parser.parse_args()
    print(f"SEED={options.seed}", flush=True)
    for sync, kills in (("process", options.kills // 2), ("disk", options.kills - options.kills // 2)):
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            result = campaign(
                Path(folder),
                sync=sync,
                kills=kills,
                seed=options.seed,
                progress=partial(print, f"--sync {sync},", flush=True),
            )
        if result.broken:
            print(
                f"SEED={options.seed}, --sync {sync}, after {result.kills} kills:",
                *result.broken[:50],
                sep="\n",
            )
            sys.exit(1)
        print(f"--sync {sync}: {result.kills} kills, {result.acknowledged} acknowledged writes, none lost")


if __name__ == "__main__":
    main()
