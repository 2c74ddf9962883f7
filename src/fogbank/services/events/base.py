"""What the operations of EventBridge share: the tables, the router, and finding a bus or a rule."""

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.events import buses
from fogbank.services.events.errors import BusDoesNotExist, ManagedRule, RuleDoesNotExist
from fogbank.services.events.records import (
    ApiDestination,
    Archive,
    ArchivedEvent,
    Bus,
    Connection,
    Replay,
    Revision,
    Rule,
    Target,
)
from fogbank.services.events.routing import DEFAULT_BUS, Router
from fogbank.services.events.scheduler import Scheduler


class EventsBase(Service):
    """State and shared steps; the operations are in the subclasses, a file for each family."""

    name = "events"
    data_operations = frozenset(("PutEvents",))
    raw_shapes = frozenset({"ConnectionOAuthHttpMethod"})

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        place = (str, str, str)
        table = cloud.store.table
        self.buses = table("events.buses", key=place, value=Bus)
        self.policy_table = self.buses
        self.revisions = table("events.revisions", key=place, value=Revision)
        self.rules = table("events.rules", key=(*place, str), value=Rule)
        self.targets = table("events.targets", key=(*place, str, str), value=Target)
        self.archives = table("events.archives", key=place, value=Archive)
        self.archived = table("events.archived", key=(*place, int, int), value=ArchivedEvent)
        self.replays = table("events.replays", key=place, value=Replay)
        self.connections = table("events.connections", key=place, value=Connection)
        self.destinations = table("events.api_destinations", key=place, value=ApiDestination)
        self.router = Router(self)
        self.scheduler = Scheduler(self)

    def find_bus(self, ctx: Context, name_or_arn: str | None) -> tuple[str, Context]:
        """A bus's name and place; it may be given by name or ARN."""
        if name_or_arn is None:
            return DEFAULT_BUS, ctx
        if not name_or_arn.startswith("arn:"):
            return name_or_arn, ctx
        arn = parse_arn(name_or_arn)
        if arn is None or not arn.resource.startswith("event-bus/"):
            raise BusDoesNotExist(name_or_arn)
        return arn.resource.removeprefix("event-bus/"), ctx.at(account=arn.account, region=arn.region)

    def get_rule(self, ctx: Context, bus: str, name: str) -> Rule:
        buses.get(self, ctx, bus)
        rule = self.rules.get((ctx.account, ctx.region, bus, name))
        if rule is None:
            raise RuleDoesNotExist(name, bus)
        return rule

    def manager_of_rule(self, ctx: Context, bus: str, name: str) -> str:
        """The service that keeps a rule for itself; empty if none does."""
        rule = self.rules.get((ctx.account, ctx.region, bus, name))
        return rule.managed_by if rule is not None else ""

    def put_rule_record(self, ctx: Context, bus: str, name: str, rule: Rule) -> None:
        self.rules.put((ctx.account, ctx.region, bus, name), rule)
        if bus == DEFAULT_BUS:
            self.scheduler.set(ctx, name, rule.schedule if rule.enabled else "")
        self.changed(ctx, bus)

    def changed(self, ctx: Context, bus: str) -> None:
        """Give the bus a new revision: its compiled rules are no longer the truth."""
        key = (ctx.account, ctx.region, bus)
        last = self.revisions.get(key)
        self.revisions.put(key, Revision(last.number + 1 if last is not None else ctx.now_ms))


def refuse_managed(name: str, rule: Rule | None, *, force: bool | None = False) -> None:
    """Rules that a service keeps for itself are changed by that service, or by force."""
    if rule is not None and rule.managed_by and not force:
        raise ManagedRule(name)
