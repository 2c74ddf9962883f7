"""What IAM says about policies of identities that are not well-formed, and what it lets pass."""

import json
from typing import Any

import pytest

from fogbank.core.identity_policy_grammar import check_identity_policy
from fogbank.core.policy_grammar import MalformedPolicy

SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
NO_ACTIONS = "Policy statement must contain actions."
NO_RESOURCES = "Policy statement must contain resources."
REGEXES = "Resource vendor must be fully qualified and cannot contain regexes."
UNIQUE = "Statement IDs (SID) in a single policy must be unique."
GIVES = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def policy(*changes: dict[str, Any], **elements: Any) -> str:
    """A policy with a statement for each of the changes; what is None in one is missing in it."""
    statements = [
        {name: value for name, value in (GIVES | change).items() if value is not None} for change in changes or [{}]
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements, **elements})


def before(moment: str) -> dict[str, Any]:
    return {"Condition": {"DateLessThan": {"aws:CurrentTime": moment}}}


def refusal(document: str, *, managed: bool = False) -> str | None:
    try:
        check_identity_policy(document, managed=managed)
    except MalformedPolicy as refused:
        return str(refused)
    return None


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"Action": None, "NotAction": ["s3:*", "iam:Get*"]},
        {"Action": "a.b-c_d:no such action "},
        {"Resource": None, "NotResource": "*"},
        {"Resource": ["arn:aws:s3:::a/*", "arn:aws:dynamodb:*:123456789012:table/${aws:username}", "arn:aws:s3:*"]},
        {"Resource": "arn:aws:service"},
        {"Resource": "arn:aws:s3:eu-west-1:123456789012:accesspoint/a"},
        {"Resource": ["arn:aws:iam::123456789012:user/a", "arn:aws:iam::*:root", "arn:aws:iam::*:*"]},
        {"Sid": ""},
        {"Condition": {}},
        {"Condition": {"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}, "Null": {"a:b": True}}},
        {"Condition": {"StringEquals": {"no vendor": "a"}}},
        {"Condition": {"NoSuchOperator": {}, "DateGreaterThan": {"a": []}}},
        before("2019-07-01T13:20:15Z"),
        before("2016-12-13t2:00:00.593194+23"),
        before("01T"),
        before("-292275054"),
        before("${aws:TokenIssueTime}"),
    ],
)
def test_a_well_formed_statement_is_taken(statement: dict[str, Any]) -> None:
    assert refusal(policy(statement)) is None


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("no json", SYNTAX),
        ("[]", SYNTAX),
        (json.dumps({"Version": "2012-10-17"}), SYNTAX),
        (policy(Statement=[]), SYNTAX),
        (policy(Statement=["x"]), SYNTAX),
        (policy(Version="2013-10-17"), SYNTAX),
        (policy(Other=1), SYNTAX),
        (policy(Id=["x"]), SYNTAX),
        (policy({"Sid": []}), SYNTAX),
        (policy({"Effect": "Perhaps"}), SYNTAX),
        (policy({"Effect": None}), SYNTAX),
        (policy({"Extra": 1}), SYNTAX),
        (policy({"NotAction": []}), SYNTAX),
        (policy({"NotResource": "*"}), SYNTAX),
        (policy({"Action": {}}), SYNTAX),
        (policy({"Resource": ["*", {}]}), SYNTAX),
        (policy({"Condition": []}), SYNTAX),
        (policy({"Condition": {"StringIs": {"a:b": "c"}}}), SYNTAX),
        (policy({"Condition": {"StringEquals": "c"}}), SYNTAX),
        (policy({"Condition": {"DateGreaterThan": {"a:b": {}}}, "Action": None}), SYNTAX),
        (policy({"Principal": "*"}), "Policy document should not specify a principal."),
        (policy({"Effect": "allow", "Action": None}), LEGACY),
        (policy({"Resource": "arn:aws:s3::a"}), LEGACY),
        (policy({"Resource": "arn:aws:s3::a", "Action": None}), LEGACY),
        (policy({"Resource": "arn:aws::::a"}), LEGACY),
        (policy(before("234-13")), LEGACY),
        (policy(before("2016-12-13t2:00:00.593194+1")), LEGACY),
        (policy(before("2016-12-13t2:00:00.1999999999+10:59")), LEGACY),
        (policy(before("9223372036854775808")), LEGACY),
        (policy(before("soon") | {"Resource": "arn:x:s3:::a"}), LEGACY),
        (policy({"Sid": "A"}, {"Sid": "A", "Action": None}), UNIQUE),
        (
            policy({"Sid": "a b"}),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*",
        ),
        (policy({"Action": None}, {"Action": "a"}), NO_ACTIONS),
        (policy({"Action": [], "Resource": "x"}), NO_ACTIONS),
        (policy({"Resource": "bucket", "Action": "a:b:c"}), 'Resource bucket must be in ARN format or "*".'),
        (policy({"Resource": ""}), 'Resource  must be in ARN format or "*".'),
        (policy({"Resource": "arn:x:s3:::a"}), 'Partition "x" is not valid for resource "arn:x:s3:::a".'),
        (policy({"Resource": "a:b:c"}), 'Partition "b" is not valid for resource "arn:b:c:*:*:*".'),
        (policy({"Resource": "a:b:c:d:e:f:g"}), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g".'),
        (policy({"Resource": "arn:aws"}), REGEXES),
        (policy({"Resource": "arn:aws:s?:::a"}), REGEXES),
        (
            policy({"Resource": "arn:aws:iam:us-east-1::user/a"}),
            "IAM resource arn:aws:iam:us-east-1::user/a cannot contain region information.",
        ),
        (
            policy({"Resource": "arn:aws:iam:::a"}),
            'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, '
            "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, "
            "access-report/.",
        ),
        (
            policy({"Resource": "arn:aws:s3:us-east-1::a"}),
            "Resource arn:aws:s3:us-east-1::a can not contain region information.",
        ),
        (policy({"Action": "GetObject", "Resource": None}), PREFACED),
        (policy({"Action": ""}), PREFACED),
        (policy({}, {"Action": "a:b:c"}), "Actions/Condition can contain only one colon."),
        (policy({"Action": "s 3:Get"}), "Vendor s 3 is not valid"),
        (policy({"Resource": None}), NO_RESOURCES),
        (policy({"Resource": []}), NO_RESOURCES),
    ],
)
def test_a_malformed_policy_is_refused_for_what_iam_sees_first(document: str, sentence: str) -> None:
    assert refusal(document) == sentence


@pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}])
def test_only_managed_policies_must_be_of_the_present_version(version: dict[str, str]) -> None:
    document = json.dumps({**version, "Statement": [GIVES]})
    assert refusal(document) is None
    assert refusal(document, managed=True) == "Policy document must be version 2012-10-17 or greater."
