"""Statements of resource policies, as JSON has them."""

import json
from typing import Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.json_text import parse
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.policy_patterns import listed
from fogbank.services.lambda_.errors import (
    InvalidParameterValue,
    PolicyLengthExceeded,
    ResourceConflict,
    ResourceNotFound,
)

POLICY_BYTES_MAX = 20_480
_INVALID_POLICY = "The provided policy is not a valid resource-based policy."
_INVALID_PRINCIPAL = "The provided principal was invalid. Please check the principal and try again."


def document_of(statements: list[dict[str, Any]]) -> str:
    """A policy of these statements, as JSON."""
    document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return json.dumps(document, separators=(",", ":"))


def check_length(statements: list[dict[str, Any]]) -> None:
    size = len(document_of(statements).encode())
    if size > POLICY_BYTES_MAX:
        raise PolicyLengthExceeded(f"The final policy size ({size}) is bigger than the limit ({POLICY_BYTES_MAX}).")


def statements_of(ctx: Context, document: str) -> list[dict[str, Any]]:
    """The statements of a whole policy, as they are kept. Raises InvalidParameterValue if it is none."""
    statements = listed(parse(named_principals.checked(ctx, document, _refusal))["Statement"])
    if not all(statement.keys() & {"Resource", "NotResource"} for statement in statements):
        raise InvalidParameterValue(_INVALID_POLICY)
    return statements


def _refusal(fault: MalformedPolicy) -> InvalidParameterValue:
    unknown = isinstance(fault, named_principals.NoSuchPrincipal)
    return InvalidParameterValue(_INVALID_PRINCIPAL if unknown else _INVALID_POLICY)


def check_new_statement(statements: list[dict[str, Any]], sid: str) -> None:
    if any(statement.get("Sid") == sid for statement in statements):
        raise ResourceConflict(
            f"The statement id ({sid}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )


def without_statement(statements: list[dict[str, Any]], sid: str) -> list[dict[str, Any]]:
    kept = [statement for statement in statements if statement.get("Sid") != sid]
    if len(kept) == len(statements):
        raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
    return kept


def new_statement(wanted: dict[str, Any], resource: str) -> dict[str, Any]:
    principal: str = wanted["Principal"]
    who: Any
    if principal == "*":
        who = "*"
    elif principal.endswith(".amazonaws.com"):
        who = {"Service": principal}
    elif principal.isdigit():
        who = {"AWS": f"arn:aws:iam::{principal}:root"}
    elif principal.startswith("arn:"):
        who = {"AWS": principal}
    else:
        raise InvalidParameterValue(_INVALID_PRINCIPAL)
    statement: dict[str, Any] = {
        "Sid": wanted["StatementId"],
        "Effect": "Allow",
        "Principal": who,
        "Action": wanted["Action"],
        "Resource": resource,
    }
    condition: dict[str, dict[str, str]] = {}
    if account := wanted.get("SourceAccount"):
        condition.setdefault("StringEquals", {})["AWS:SourceAccount"] = account
    for member in ("FunctionUrlAuthType", "EventSourceToken"):
        if wanted.get(member):
            condition.setdefault("StringEquals", {})[f"lambda:{member}"] = wanted[member]
    if (via_url := wanted.get("InvokedViaFunctionUrl")) is not None:
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": str(via_url).lower()}
    if organization := wanted.get("PrincipalOrgID"):
        condition.setdefault("StringEquals", {})["aws:PrincipalOrgID"] = organization
    if source := wanted.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": source}
    if condition:
        statement["Condition"] = condition
    return statement
