"""Event buses and their resource policies; `default` always exists, with or without a record."""

import json
from typing import TYPE_CHECKING, Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.targets import as_text
from fogbank.services.events.errors import (
    BusDoesNotExist,
    InvalidParameter,
    ResourceAlreadyExists,
    ResourceNotFound,
)
from fogbank.services.events.records import Bus
from fogbank.services.events.routing import DEFAULT_BUS

if TYPE_CHECKING:
    from fogbank.services.events.base import EventsBase


def arn(ctx: Context, name: str) -> str:
    return ctx.arn("events", f"event-bus/{name}")


def get(service: "EventsBase", ctx: Context, name: str) -> Bus:
    bus = service.buses.get((ctx.account, ctx.region, name))
    if bus is not None:
        return bus
    if name == DEFAULT_BUS:
        return Bus(created_ms=0, modified_ms=0)
    raise BusDoesNotExist(name)


def create(service: "EventsBase", ctx: Context, name: str, description: str, tags: dict[str, str]) -> None:
    key = (ctx.account, ctx.region, name)
    if name == DEFAULT_BUS or service.buses.get(key) is not None:
        raise ResourceAlreadyExists(f"Event bus {name} already exists.")
    if "/" in name:
        raise InvalidParameter("Event bus name must not contain '/'.")
    service.buses.put(key, Bus(created_ms=ctx.now_ms, modified_ms=ctx.now_ms, description=description, tags=tags))


def delete(service: "EventsBase", ctx: Context, name: str) -> None:
    if name == DEFAULT_BUS:
        raise InvalidParameter("Cannot delete event bus default.")
    # A bus that is not there is no error, as recorded. The rules of a deleted bus go with it.
    key = (ctx.account, ctx.region, name)
    service.targets.delete_all(key)
    service.rules.delete_all(key)
    service.revisions.delete(key)
    service.buses.delete(key)


def names(service: "EventsBase", ctx: Context, prefix: str) -> list[str]:
    found = {key[-1] for key, _ in service.buses.scan((ctx.account, ctx.region))} | {DEFAULT_BUS}
    return sorted(name for name in found if name.startswith(prefix))


def describe(ctx: Context, name: str, bus: Bus) -> dict[str, Any]:
    answer: dict[str, Any] = {"Name": name, "Arn": arn(ctx, name)}
    if bus.created_ms:
        answer["CreationTime"] = bus.created_ms / 1000
        answer["LastModifiedTime"] = bus.modified_ms / 1000
    if bus.description:
        answer["Description"] = bus.description
    if bus.policy:
        answer["Policy"] = named_principals.shown(ctx, bus.policy)
    return answer


def put_policy(service: "EventsBase", ctx: Context, name: str, policy: str) -> None:
    _save(service, ctx, name, _kept(ctx, policy))


def _kept(ctx: Context, policy: str) -> str:
    return named_principals.checked(ctx, policy, lambda fault: InvalidParameter(str(fault)))


def put_statement(
    service: "EventsBase",
    ctx: Context,
    name: str,
    statement_id: str | None,
    action: str | None,
    principal: str | None,
    condition: dict[str, str] | None,
) -> None:
    for member, value in (("StatementId", statement_id), ("Action", action), ("Principal", principal)):
        if not value:
            raise InvalidParameter(f"Parameter {member} must be specified.")
    statement: dict[str, Any] = {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": action,
        "Resource": arn(ctx, name),
    }
    if condition:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    add_statement(service, ctx, name, statement)


def add_statement(service: "EventsBase", ctx: Context, name: str, statement: dict[str, Any]) -> None:
    """Add the statement, in place of one with the same id."""
    kept = json.loads(_kept(ctx, as_text({"Statement": [statement]})))["Statement"]
    others = [item for item in _statements(service, ctx, name) if item.get("Sid") != statement.get("Sid")]
    _save_statements(service, ctx, name, [*others, *kept])


def remove_statement(service: "EventsBase", ctx: Context, name: str, statement_id: str | None) -> None:
    """Remove one statement, or all of them if no id is given."""
    statements = _statements(service, ctx, name)
    kept = [] if statement_id is None else [item for item in statements if item.get("Sid") != statement_id]
    if statement_id is not None and len(kept) == len(statements):
        raise ResourceNotFound("Statement with the provided id does not exist.")
    _save_statements(service, ctx, name, kept)


def _statements(service: "EventsBase", ctx: Context, name: str) -> list[dict[str, Any]]:
    policy = get(service, ctx, name).policy
    found = json.loads(policy).get("Statement", []) if policy else []
    return found if isinstance(found, list) else [found]


def _save_statements(service: "EventsBase", ctx: Context, name: str, statements: list[dict[str, Any]]) -> None:
    policy = as_text({"Version": "2012-10-17", "Statement": statements}) if statements else ""
    _save(service, ctx, name, policy)


def _save(service: "EventsBase", ctx: Context, name: str, policy: str) -> None:
    bus = get(service, ctx, name)
    bus.created_ms = bus.created_ms or ctx.now_ms
    bus.modified_ms = ctx.now_ms
    bus.policy = policy
    service.buses.put((ctx.account, ctx.region, name), bus)
