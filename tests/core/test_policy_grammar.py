"""What IAM says about policies that are not well-formed."""

import json
from typing import Any

import pytest

from fogbank.core.policy_grammar import MalformedPolicy, check_identity_policy, check_trust_policy

SYNTAX = "Syntax errors in policy."
GIVES = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUSTS = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def identity(**changes: Any) -> str:
    """A policy with one statement, some of whose elements are others, or (None) missing."""
    return written(GIVES, changes)


def trust(**changes: Any) -> str:
    return written(TRUSTS, changes)


def written(statement: dict[str, Any], changes: dict[str, Any]) -> str:
    whole = {name: value for name, value in (statement | changes).items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


@pytest.mark.parametrize(
    "document",
    [
        identity(),
        identity(Action=None, NotAction=["s3:*", "iam:Get*"]),
        identity(
            Resource=["arn:aws:s3:::a/*", "arn:aws:dynamodb:*:123456789012:table/${aws:username}", "arn:aws:s3:*"]
        ),
        identity(Condition={"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}, "Null": {"a:b": True}}),
        json.dumps({"Version": "2012-10-17", "Id": "x", "Statement": GIVES}),
    ],
)
def test_a_well_formed_policy_of_an_identity_is_taken(document: str) -> None:
    check_identity_policy(document)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("no json", SYNTAX),
        ("[]", SYNTAX),
        (json.dumps({"Version": "2012-10-17"}), SYNTAX),
        (json.dumps({"Version": "2012-10-17", "Statement": [GIVES], "Other": 1}), SYNTAX),
        (json.dumps({"Version": "2012-10-17", "Statement": ["x"]}), SYNTAX),
        (identity(Effect="allow"), SYNTAX),
        (identity(Extra=1), SYNTAX),
        (identity(NotAction="s3:*"), SYNTAX),
        (identity(Principal="*"), "Policy document should not specify a principal."),
        (identity(Action=None), "Policy statement must contain actions."),
        (identity(Action=[]), "Policy statement must contain actions."),
        (identity(Resource=None), "Policy statement must contain resources."),
        (identity(Action="GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (identity(Action="a:b:c"), "Actions/Condition can contain only one colon."),
        (identity(Action="s*3:Get"), "Vendor s*3 is not valid"),
        (identity(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (identity(Resource="arn:x:s3:::a"), 'Partition "x" is not valid for resource "arn:x:s3:::a".'),
        (identity(Resource="arn:aws:s3"), "The policy failed legacy parsing"),
        (
            identity(Resource="arn:aws:s?:::a"),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (identity(Condition={"StringIs": {"a:b": "c"}}), SYNTAX),
        (identity(Condition={"StringEquals": "c"}), SYNTAX),
        (
            identity(Condition={"StringEquals": {"b": "c"}}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            identity(Sid="a b"),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*",
        ),
        (
            json.dumps({"Version": "2012-10-17", "Statement": [GIVES | {"Sid": "A"}] * 2}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ],
)
def test_a_malformed_policy_of_an_identity_is_refused_in_iams_words(document: str, sentence: str) -> None:
    with pytest.raises(MalformedPolicy) as refused:
        check_identity_policy(document)
    assert str(refused.value) == sentence


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


@pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}])
def test_only_managed_policies_must_be_of_the_present_version(version: dict[str, str]) -> None:
    document = json.dumps({**version, "Statement": [GIVES]})
    check_identity_policy(document)
    with pytest.raises(MalformedPolicy, match="must be version 2012-10-17 or greater"):
        check_identity_policy(document, managed=True)
