"""What IAM says about policies that are not well-formed."""

import json
from typing import Any

import pytest

from fogbank.core.policy_grammar import MalformedPolicy, check_trust_policy

TRUSTS = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def trust(**changes: Any) -> str:
    return written(TRUSTS, changes)


def written(statement: dict[str, Any], changes: dict[str, Any]) -> str:
    whole = {name: value for name, value in (statement | changes).items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


@pytest.mark.parametrize(
    "document",
    [
        trust(),
        trust(Principal="*"),
        trust(Effect="ALLOW"),
        trust(Principal={"AWS": ["123456789012", "arn:aws:iam::123456789012:role/a/b"], "Service": "x.amazonaws.com"}),
        trust(Action=["sts:AssumeRole", "sts:TagSession"]),
        json.dumps({"Statement": TRUSTS}),
    ],
)
def test_a_well_formed_trust_policy_is_taken(document: str) -> None:
    check_trust_policy(document)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("no json", "This policy contains invalid Json"),
        (json.dumps({"Version": "2012-10-17"}), "Missing required field Statement"),
        (trust(Resource="*"), "Has prohibited field Resource"),
        (trust(Principal=None), "Missing required field Principal"),
        (trust(Extra=1), "Unknown field Extra"),
        (trust(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trust(Principal={"AWS": "someone"}), 'Invalid principal in policy: "AWS":"someone"'),
    ],
)
def test_a_malformed_trust_policy_is_refused_in_iams_words(document: str, sentence: str) -> None:
    with pytest.raises(MalformedPolicy) as refused:
        check_trust_policy(document)
    assert str(refused.value) == sentence
