"""Drives a deployed Launchpad stack: tenants make functions through the platform's API, and use them.

Some tenants are hostile, and try what hostile code tries while the others' requests go on. Then what was answered,
what was stopped and what was recorded is compared with what must be: exit code 1 if a border gave way, an answer was
wrong, or the neighbours felt it.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import audit
import borders
import cost
from accounts import Account, Platform, deploy_functions_account
from driving.chart import percentile
from driving.command import command, drive_and_report, driver_parser
from driving.display import Display
from gateway import Client, Gateway
from hostile import Attack, Flood, Listener, visit
from population import FIELDS, Function, Tenant, in_turns, population
from report import kept, render
from sender import WORKERS, Sender
from traffic import Ledger, warm

MAKERS = 8
SETTLING = 0.2  # of each calm and each hostile time: so long it lasts before it is measured
RECORDED_S, POLL_S = 90, 1.0


class Progress:
    """Counts what is done, for the display."""

    def __init__(self, total: int, what: str) -> None:
        self.done = 0
        self._total, self._what = total, what

    def one(self) -> None:
        self.done += 1

    def lines(self) -> list[str]:
        return [f"{self.done:,} of {self._total:,} {self._what}"]


def drive(platform: Platform, display: Display, options: argparse.Namespace) -> dict[str, Any]:
    began = datetime.now(UTC)
    display.stage("functions.yaml is deployed in the functions' account")
    functions = platform.functions_account(options.functions_account)
    deploy_functions_account(platform, functions)
    gateway = Gateway(platform.out["Api"], connections=WORKERS + options.attackers + MAKERS)
    tenants = population(options.tenants, options.functions, f"t{uuid.uuid4().hex[:3]}")
    made_s = make(Client(gateway, "admin", platform.admin_secret), gateway, tenants, display)
    ledger = Ledger()
    everything = in_turns(tenants)
    peaceful = [function for function in everything if not function.hostile]
    progress = Progress(len(peaceful), "functions have answered for the first time")
    display.stage("every function is used once", progress.lines)
    started = time.monotonic()
    warm(peaceful, MAKERS, ledger, progress.one)
    first_s = time.monotonic() - started
    calm, hostile, attack, listener = neighbours(platform, tenants, ledger, display, options)
    display.stage("the borders between tenants are tried from outside")
    own = next(tenant for tenant in tenants if tenant.hostile)
    other = next(tenant for tenant in tenants if not tenant.hostile)
    tried = borders.tried(gateway, own, other)
    display.stage("what was left behind is looked for")
    left = visit([tenant for tenant in tenants if not tenant.hostile], ledger)
    display.stage("what was recorded is compared with what was seen")
    report = {
        "tenants": len(tenants),
        "functions": len(everything),
        "made_s": round(made_s, 1),
        "first_s": round(first_s, 1),
        "requests": sum(ledger.asked.values()),
        "wrong": ledger.wrong[:20],
        "wrong_count": len(ledger.wrong),
        "calm": latency(calm),
        "hostile": latency(hostile),
        "acts": {
            name: {
                "tried": act.tried,
                "told": act.told,
                "breaches": len(act.breaches),
                "seen": (act.breaches or [act.seen])[0],
            }
            for name, act in sorted(attack.acts.items())
        },
        "throttled": attack.throttled,
        "listener": listener.visitors,
        "borders": [list(each) for each in tried],
        "left": left[:20],
        **recorded(platform, functions, tenants, ledger, began),
    }
    if not options.keep:
        remove(tenants, display)
    return report


def make(admin: Client, gateway: Gateway, tenants: list[Tenant], display: Display) -> float:
    """Tenants and their functions, through the authoring service; how long that took."""
    total = sum(len(tenant.functions) for tenant in tenants)
    progress = Progress(total, "functions")
    display.stage(f"{len(tenants)} tenants make {total:,} functions", progress.lines)
    started = time.monotonic()
    for tenant in tenants:
        answer = admin.ask("POST", "/tenants", {"tenant": tenant.name, "fields": FIELDS}, patient=True)
        if answer.status != 201:
            raise RuntimeError(f"the tenant {tenant.name} was not made: {answer.document}")
        tenant.client = Client(gateway, answer.document["client_id"], answer.document["client_secret"])

    def one(function: Function) -> None:
        path = f"/tenants/{function.tenant.name}/functions"
        answer = function.tenant.ask("POST", path, function.definition(), patient=True)
        if answer.status != 201:
            raise RuntimeError(f"{function.path} was not made: {answer.status} {answer.document}")
        progress.one()

    every(one, in_turns(tenants))
    return time.monotonic() - started


def every(act: Callable[[Function], None], functions: Iterable[Function]) -> None:
    with ThreadPoolExecutor(MAKERS) as pool:
        list(pool.map(act, functions))


def neighbours(
    platform: Platform, tenants: list[Tenant], ledger: Ledger, display: Display, options: argparse.Namespace
) -> tuple[list[float], list[float], Attack, Listener]:
    """Latencies of peaceful tenants while it is calm and while others are hostile, in turns."""
    peaceful = [tenant for tenant in tenants if not tenant.hostile]
    hot = [
        next(function for function in tenant.functions if function.snippet in ("discount", "tax"))
        for tenant in peaceful
    ]
    listener = Listener()
    victim = peaceful[0]
    (_, customer), value = next((key, count) for key, count in ledger.visits.items() if key[0] == victim.name)
    target = {
        "others": f"this is code of {victim.name}",
        "port": listener.port,
        "function": f"arn:aws:lambda:{platform.region}:{platform.out['FunctionsAccount']}:function:"
        f"{platform.stack}-{victim.name}-{hot[0].name}",
        "tenant": victim.name,
        "record": f"visits/{customer}",
        "value": value,
    }
    # Not the tenant whose borders are tried; a function that takes its time would be no flood.
    flooder = next(tenant for tenant in reversed(tenants) if tenant.hostile)
    flooding = next(function for function in reversed(flooder.functions) if not function.hostile)
    attack = Attack(
        functions=[each for tenant in tenants for each in tenant.functions if each.hostile],
        flood=Flood(flooding, int(platform.out["TenantBurst"]), float(platform.out["TenantRate"])),
        target=target,
        ledger=ledger,
    )
    # What the first use of a thousand functions has crowded out comes back before anything is measured.
    sender = Sender(hot)
    sender.send(rate=options.rate, seconds=3 * len(hot) / options.rate, seed="warm", ledger=ledger)
    calm: list[float] = []
    hostile: list[float] = []

    def time_of(latencies: list[float], word: str, number: int) -> None:
        display.stage(
            f"{options.rate:.0f} requests a second to {len(hot)} tenants: {word}",
            lambda: [f"{len(calm):,} calm, {len(hostile):,} beside {attack.tried:,} attacks"],
        )
        # What the time before has left behind, and its end, are in neither.
        for seconds, counted in ((options.seconds * SETTLING, []), (options.seconds, latencies)):
            counted += sender.send(rate=options.rate, seconds=seconds, seed=f"{number}", ledger=ledger)

    for number in range(options.rounds):
        # A machine that slowly gets faster or slower does so for both.
        for attacked in (False, True) if number % 2 == 0 else (True, False):
            if attacked:
                attack.start(options.attackers)
                time_of(hostile, "hostile", number)
                attack.stop()
            else:
                time_of(calm, "calm", number)
    sender.close()
    listener.close()
    return calm, hostile, attack, listener


def latency(seconds: list[float]) -> dict[str, float]:
    micros = sorted(int(each * 1e6) for each in seconds)
    return {"requests": len(micros), **{f"p{p}": percentile(micros, p / 100) / 1000 for p in (50, 95, 99)}}


def recorded(
    platform: Platform, functions: Account, tenants: list[Tenant], ledger: Ledger, since: datetime
) -> dict[str, Any]:
    """What the cloud says of the run: metrics, costs, and one request followed through both accounts."""
    names = [tenant.name for tenant in tenants]
    until = time.monotonic() + RECORDED_S
    while True:
        counted = audit.metrics(platform, names, since)
        wrong = audit.differing(counted, ledger)
        if not wrong or time.monotonic() > until:
            break
        time.sleep(POLL_S)
    found = audit.reports(functions, platform.stack, since)
    costs = {
        tenant: of
        for tenant, of in cost.by_tenant(found, audit.tags(functions, platform.stack)).items()
        if tenant in names or tenant == "(no tag)"
    }
    correlation_id, tenant, function = next(each for each in ledger.correlations if each[0] and "visits" in each[2])
    return {
        "metrics_wrong": wrong,
        "errors": sum(ledger.failed.values()),
        "costs": costs,
        "trace": {
            "correlation_id": correlation_id,
            "function": f"{tenant}/{function}",
            "rows": audit.trace(platform, correlation_id, since),
        },
    }


def remove(tenants: list[Tenant], display: Display) -> None:
    total = sum(len(tenant.functions) for tenant in tenants)
    progress = Progress(total, "functions")
    display.stage("the tenants delete their functions", progress.lines)

    def one(function: Function) -> None:
        answer = function.tenant.ask("DELETE", function.path, patient=True)
        if answer.status != 200:
            raise RuntimeError(f"{function.path} was not deleted: {answer.status} {answer.document}")
        progress.one()

    every(one, in_turns(tenants))


def parser() -> argparse.ArgumentParser:
    made = driver_parser("launchpad", __doc__)
    made.add_argument("--tenants", type=int, default=50, help="tenants; every fifth is hostile (default: 50)")
    made.add_argument("--functions", type=int, default=20, help="functions of each (default: 20)")
    made.add_argument("--rate", type=float, default=25, help="requests a second of the others (default: 25)")
    made.add_argument("--seconds", type=float, default=10, help="of each calm and each hostile time (default: 10)")
    made.add_argument("--rounds", type=int, default=8, help="of calm and hostile times (default: 8)")
    made.add_argument("--attackers", type=int, default=4, help="hostile functions at a time (default: 4)")
    made.add_argument(
        "--functions-account", default="", metavar="ID",
        help="where the tenants' functions live (default: an account of the organization, made if need be)",
    )  # fmt: skip
    made.add_argument("--keep", action="store_true", help="leave the tenants' functions there")
    return made


def main(options: argparse.Namespace) -> int:
    platform = Platform(options.stack)
    return drive_and_report(lambda display: drive(platform, display, options), options, render=render, kept=kept)


if __name__ == "__main__":
    sys.exit(command("launchpad", parser(), main))
