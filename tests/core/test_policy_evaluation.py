"""What all policies decide together: IAM's evaluation logic, case by case."""

import json
from typing import Any

import pytest

from fogbank.core.policies import Request, read_policy
from fogbank.core.policy_evaluation import ANONYMOUS, Identity, Kind, Layer, Source, evaluate

OWN, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{OWN}:user/ann"
ROLE, SESSION = f"arn:aws:iam::{OWN}:role/r", f"arn:aws:sts::{OWN}:assumed-role/r/s"
ACTION, RESOURCE = "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{OWN}:q"
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
DENY = {**ALLOW, "Effect": "Deny"}
NOTHING = {**ALLOW, "Action": "s3:*"}


def source(*statements: dict[str, Any]) -> Source:
    return Source("p", read_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)})))


def lets(principal: Any) -> dict[str, Any]:
    return {**ALLOW, "Principal": principal}


def user(*statements: dict[str, Any], **others: Any) -> Identity:
    return Identity(Kind.USER, USER, OWN, "AIDA1", policies=(source(*statements),), **others)


def session(*statements: dict[str, Any], **others: Any) -> Identity:
    return Identity(Kind.ROLE, SESSION, OWN, "AROA1:s", ROLE, (source(*statements),), **others)


ROOT = Identity(Kind.ROOT, f"arn:aws:iam::{OWN}:root", OWN, OWN)
SERVICE = Identity(Kind.SERVICE, "sns.amazonaws.com", OWN)
LIMITED = {"boundary": source(NOTHING)}
CASES: list[tuple[str, Identity, dict[str, Any] | None, str, bool, Layer]] = [
    # what it is about, who asks, a statement of the resource's policy, its account, allowed?, decided where
    ("an identity's policy grants", user(ALLOW), None, OWN, True, Layer.IDENTITY),
    ("nothing grants", user(NOTHING), None, OWN, False, Layer.IDENTITY),
    ("a Deny goes before", user(ALLOW, DENY), None, OWN, False, Layer.IDENTITY),
    ("root needs no policy", ROOT, None, OWN, True, Layer.IDENTITY),
    ("root is limited by control", ROOT._replace(control=((source(NOTHING),),)), None, OWN, False, Layer.SCP),
    ("root may be denied by a resource", ROOT, {**DENY, "Principal": "*"}, OWN, False, Layer.RESOURCE),
    ("each level of control must allow", user(ALLOW, control=((source(ALLOW),), (source(NOTHING),))), None, OWN, False,
     Layer.SCP),
    ("a boundary limits", user(ALLOW, **LIMITED), None, OWN, False, Layer.BOUNDARY),
    ("a boundary grants nothing", user(NOTHING, boundary=source(ALLOW)), None, OWN, False, Layer.IDENTITY),
    ("a session policy limits", session(ALLOW, session=(source(NOTHING),)), None, OWN, False, Layer.SESSION),
    ("one of the session's policies is enough", session(ALLOW, session=(source(NOTHING), source(ALLOW))), None, OWN,
     True, Layer.IDENTITY),
    ("a resource grants to a user past its boundary", user(NOTHING, **LIMITED), lets({"AWS": USER}), OWN, True,
     Layer.RESOURCE),
    ("a resource grants to a session past its limits", session(NOTHING, session=(), **LIMITED), lets({"AWS": SESSION}),
     OWN, True, Layer.RESOURCE),
    ("a resource grants to a role", session(NOTHING), lets({"AWS": ROLE}), OWN, True, Layer.RESOURCE),
    ("a resource grants to a role within its boundary", session(NOTHING, **LIMITED), lets({"AWS": ROLE}), OWN, False,
     Layer.BOUNDARY),
    ("a resource that names the account leaves it to it", user(NOTHING), lets({"AWS": OWN}), OWN, False,
     Layer.IDENTITY),
    ("a resource that names everybody grants to users", user(NOTHING), lets("*"), OWN, True, Layer.RESOURCE),
    ("from another account the resource must grant", user(ALLOW), None, OTHER, False, Layer.RESOURCE),
    ("from another account the identity must grant", user(NOTHING), lets({"AWS": USER}), OTHER, False, Layer.IDENTITY),
    ("from another account both grant", user(ALLOW), lets({"AWS": OWN}), OTHER, True, Layer.IDENTITY),
    ("a service has what resources give it", SERVICE, lets({"Service": "sns.amazonaws.com"}), OWN, True,
     Layer.RESOURCE),
    ("a service has nothing else", SERVICE, lets({"AWS": OWN}), OWN, False, Layer.RESOURCE),
    ("a resource that names nobody lets in nobody", user(NOTHING), ALLOW, OWN, False, Layer.IDENTITY),
    ("a resource that names nobody lets in no stranger", ANONYMOUS, ALLOW, OWN, False, Layer.RESOURCE),
    ("nobody has what everybody has", ANONYMOUS, lets("*"), OWN, True, Layer.RESOURCE),
    ("nobody is of no account", ANONYMOUS, lets({"AWS": OWN}), OWN, False, Layer.RESOURCE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "statement", "owner", "allowed", "layer"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_policies_decide_together(
    identity: Identity, statement: dict[str, Any] | None, owner: str, allowed: bool, layer: Layer
) -> None:
    request = Request(identity.arn, ACTION, RESOURCE, {}, identity.role)
    policies = () if statement is None else (source(statement),)
    verdict = evaluate(identity, request, policies, owner=owner)
    assert (verdict.allowed, verdict.layer) == (allowed, layer)


@pytest.mark.parametrize(
    ("identity", "statement", "allowed"),
    [
        (user(ALLOW), None, False),
        (user(ALLOW), lets({"AWS": OWN}), True),
        (user(NOTHING), lets({"AWS": OWN}), False),
        (user(NOTHING), lets({"AWS": USER}), True),
    ],
)
def test_a_key_or_trust_policy_decides_in_its_own_account_too(
    identity: Identity, statement: dict[str, Any] | None, allowed: bool
) -> None:
    request = Request(identity.arn, ACTION, RESOURCE, {}, identity.role)
    policies = () if statement is None else (source(statement),)
    assert evaluate(identity, request, policies, owner=OWN, policy_decides=True).allowed is allowed


@pytest.mark.parametrize("number", [0, 7, 999])
def test_a_large_policy_is_asked_as_a_small_one(number: int) -> None:
    statements = [
        {"Effect": "Deny" if each % 2 else "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::b{each}/*"}
        for each in range(1000)
    ]
    policy = read_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    request = Request(USER, "s3:GetObject", f"arn:aws:s3:::b{number}/k")
    assert [statement.number for statement in policy.matching(request)] == [number]
    assert policy.matching(request._replace(action="s3:PutObject")) == []
    assert policy.matching(request._replace(resource="arn:aws:s3:::b1000/k")) == []
