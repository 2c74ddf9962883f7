"""What is remembered of decisions is what would be decided again."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from fogbank.core.authorizer import Authorizer
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.policies import read_policy
from fogbank.core.policy_evaluation import Identity, Kind, Source
from fogbank.core.service import Service
from fogbank.core.store import Written

ACCOUNT = "111122223333"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
ARN = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"
COLOURS = ("red", "blue")
CONDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"StringEquals": {"aws:ResourceTag/colour": "red"}},
    {"StringNotEqualsIfExists": {"aws:RequestTag/colour": "red"}},
    {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:RequestTag/colour}", "x"]}},
    {"DateLessThan": {"aws:CurrentTime": "1970-01-01T00:01:00Z"}},
    {"Null": {"aws:Referer": "true"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "false"}},
)


class Tagged(Service):
    """A resource whose tags and policy change, with a table of policies or without."""

    name = "dynamodb"

    def __init__(self, *, in_a_table: bool) -> None:
        self.tags: dict[str, str] = {}
        self.policy: str | None = None
        self.written = Written()
        if in_a_table:
            self.policy_table = cast(Any, SimpleNamespace(written=self.written, unsettled=False))

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        return self.policy

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        return self.tags


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@st.composite
def statements(draw: st.DrawFn, **others: Any) -> dict[str, Any]:
    return {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Deny"))),
        "Action": "dynamodb:*",
        "Resource": draw(st.sampled_from(("*", f"{ARN[:-1]}${{aws:RequestTag/table, 't'}}"))),
        "Condition": draw(st.sampled_from(CONDITIONS)),
        **others,
    }


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


class Moment:
    """What a request comes with, and what there is when it comes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.now_ms = draw(st.sampled_from((1000, 59_000, 61_000)))
        self.peer = draw(st.sampled_from(("10.1.2.3", "127.0.0.1")))
        self.headers = {} if draw(st.booleans()) else {"referer": "http://example.com"}
        self.tags = {} if draw(st.booleans()) else {"colour": draw(st.sampled_from(COLOURS))}
        self.told: dict[str, Any] = {"dynamodb:LeadingKeys": draw(st.lists(st.sampled_from(("red", "x")), max_size=2))}
        if colour := draw(maybe(st.sampled_from(COLOURS))):
            self.told["aws:RequestTag/Colour"] = colour
        self.policy = draw(maybe(statements(Principal={"AWS": USER}))) if draw(st.booleans()) else None

    def __repr__(self) -> str:
        return str(vars(self))


@given(
    of_user=st.lists(statements(), min_size=1, max_size=3),
    in_a_table=st.booleans(),
    moments=st.lists(st.composite(Moment)(), min_size=2, max_size=12),
)
def test_a_remembered_decision_is_the_one_that_would_be_made(
    of_user: list[dict[str, Any]], in_a_table: bool, moments: list[Moment]
) -> None:
    cloud = cast(Cloud, SimpleNamespace(iam=SimpleNamespace(deciding=Written())))
    authorizer, service = Authorizer(cloud), Tagged(in_a_table=in_a_table)
    forgetful = Identity(Kind.USER, USER, ACCOUNT, policies=(Source("p", read_policy(document(*of_user))),))
    remembering = forgetful._replace(verdicts={})
    for turn, moment in enumerate(moments):
        policy = None if moment.policy is None else document(moment.policy)
        if policy != service.policy:
            service.policy, service.written.in_turn = policy, turn
        service.tags = moment.tags
        decided = [
            authorizer.decide(
                context(cloud, moment, identity), identity, "dynamodb:GetItem", ARN, dict(moment.told), service
            )
            for identity in (forgetful, remembering)
        ]
        assert decided[0] == decided[1]


def context(cloud: Cloud, moment: Moment, identity: Identity) -> Context:
    return Context(
        cloud,
        account=ACCOUNT,
        region="us-east-1",
        now_ms=moment.now_ms,
        request_id="r",
        endpoint="",
        headers=moment.headers,
        peer=moment.peer,
        identity=identity,
    )
