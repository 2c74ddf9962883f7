"""What a policy document says of a request."""

import json
from typing import Any

import pytest

from fogbank.core.policies import Effect, Request, read_policy

ROOT, USER, SESSION = (
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:sts::111122223333:assumed-role/r/s",
)
BOB = "arn:aws:iam::111122223333:user/bob"
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/token.example.com"
REPOSITORY = "arn:aws:ecr:us-east-1:111122223333:repository/a"
DENY: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "ecr:Set*", "Resource": "*"}


def decide(statements: Any, request: Request, version: str = "2012-10-17") -> Effect | None:
    return read_policy(json.dumps({"Version": version, "Statement": statements})).decide(request)


@pytest.mark.parametrize(
    ("caller", "changed", "applies"),
    [
        (ROOT, {}, True),
        (ROOT, {"Effect": "DENY"}, True),
        (USER, {}, True),
        (SESSION, {"Principal": {"AWS": "111122223333"}}, True),
        (SESSION, {"Principal": {"AWS": [USER, SESSION]}}, True),
        (SESSION, {"Principal": {"AWS": "arn:aws:iam::111122223333:role/r"}}, True),
        (SESSION, {"Principal": {"AWS": "arn:aws:iam::111122223333:role/other"}}, False),
        (USER, {"Principal": {"AWS": ROOT}}, True),
        (USER, {"Principal": {"AWS": BOB}}, False),
        (USER, {"Principal": {"Service": "ecr.amazonaws.com"}}, False),
        ("ecr.amazonaws.com", {"Principal": {"Service": ["ecr.amazonaws.com"], "AWS": ROOT}}, True),
        ("", {"Principal": {"AWS": "*"}}, True),
        ("", {"Principal": {"AWS": ROOT}}, False),
        # An identity provider speaks for anybody: it is named itself or not at all.
        (PROVIDER, {"Principal": {"Federated": PROVIDER}}, True),
        (PROVIDER, {"Principal": {"AWS": ROOT}}, False),
        (PROVIDER, {"Principal": {"AWS": "111122223333"}}, False),
        (USER, {"Action": ["ECR:set?epositoryPolicy", "s3:*"]}, True),
        (USER, {"Action": "ecr:Get*"}, False),
        (USER, {"Action": None, "NotAction": "ecr:Get*"}, True),
        (USER, {"Action": None, "NotAction": "ecr:*"}, False),
        (USER, {"Resource": None}, True),
        (USER, {"Resource": "arn:aws:ecr:*:repository/a"}, True),
        (USER, {"Resource": "arn:aws:ecr:*:repository/b"}, False),
        (USER, {"Resource": None, "NotResource": "arn:aws:ecr:*:repository/b"}, True),
        (USER, {"Principal": None, "NotPrincipal": {"AWS": USER}}, False),
        (SESSION, {"Principal": None, "NotPrincipal": {"AWS": USER}}, True),
        # The account is named besides, as AWS asks for: that spares its root, and nobody else of it.
        (USER, {"Principal": None, "NotPrincipal": {"AWS": [USER, ROOT]}}, False),
        (USER, {"Principal": None, "NotPrincipal": {"AWS": [BOB, ROOT]}}, True),
        (ROOT, {"Principal": None, "NotPrincipal": {"AWS": [BOB, "111122223333"]}}, False),
        (ROOT, {"Principal": None, "NotPrincipal": {"AWS": BOB}}, True),
        (SESSION, {"Principal": None, "NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:role/r", ROOT]}}, False),
        ("", {"Principal": None, "NotPrincipal": {"AWS": [USER, ROOT]}}, True),
    ],
)
def test_a_statement_is_about_what_all_its_elements_fit(caller: str, changed: dict[str, Any], applies: bool) -> None:
    denying = {name: value for name, value in (DENY | changed).items() if value is not None}
    request = Request(caller, "ecr:SetRepositoryPolicy", REPOSITORY)
    assert decide(denying, request) is (Effect.DENY if applies else None)
    assert decide([{"Effect": "Allow", "Principal": "*"}, denying], request) is (
        Effect.DENY if applies else Effect.ALLOW
    )


@pytest.mark.parametrize(
    ("caller", "user_id", "named", "applies"),
    [
        (USER, "AIDAQ3EGUVQDK6LQMOXBA", "AIDAQ3EGUVQDK6LQMOXBA", True),
        (USER, "AIDAQ3EGUVQDK6LQMOXBA", "AIDAQ3EGUVQDK6LQMOXBB", False),
        (USER, "", "", False),
        ("", "", "", False),
        (SESSION, "AROAQ3EGUVQDK6LQMOXBA:s", "AROAQ3EGUVQDK6LQMOXBA", True),
        (SESSION, "AROAQ3EGUVQDK6LQMOXBB:s", "AROAQ3EGUVQDK6LQMOXBA", False),
        (SESSION, "", "AROAQ3EGUVQDK6LQMOXBA", False),
    ],
)
def test_users_and_roles_can_be_named_by_their_unique_ids(caller: str, user_id: str, named: str, applies: bool) -> None:
    request = Request(caller, "ecr:SetRepositoryPolicy", REPOSITORY, user_id=user_id)
    assert (decide(DENY | {"Principal": {"AWS": named}}, request) is Effect.DENY) is applies
    spared = {element: value for element, value in DENY.items() if element != "Principal"}
    assert (decide(spared | {"NotPrincipal": {"AWS": named}}, request) is None) is applies


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        '"Deny"',
        "{}",
        '{"Statement": [1, null, "Deny"]}',
        '{"Statement": {"Effect": "Deny", "Condition": 1}}',
    ],
)
def test_what_is_no_policy_says_nothing(document: str) -> None:
    assert read_policy(document).decide(Request(ROOT, "a:B", "*")) is None


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
@pytest.mark.parametrize("caller", [USER, SESSION])
def test_a_denial_for_all_but_some_spares_nobody_with_a_boundary(caller: str, effect: str) -> None:
    statement = {"Effect": effect, "NotPrincipal": {"AWS": [USER, SESSION]}, "Action": "*", "Resource": "*"}
    free = Request(caller, "ecr:SetRepositoryPolicy", REPOSITORY)
    assert decide(statement, free) is None
    assert decide(statement, free._replace(bounded=True)) is (Effect.DENY if effect == "Deny" else None)


DAY = "2026-11-25T00:00:00Z"
OPERATORS = {
    "StringEquals": "a", "StringEqualsIgnoreCase": "a", "StringLike": "*", "ArnEquals": "arn:aws:s3:::*",
    "ArnLike": "arn:aws:s3:::*", "Bool": "false", "BinaryEquals": "AAEC", "IpAddress": "0.0.0.0/0",
    **{f"Numeric{name}": "1" for name in ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")},
    **{f"Date{name}": DAY for name in ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")},
}  # fmt: skip
NEGATED = {
    "StringNotEquals": "a", "StringNotEqualsIgnoreCase": "a", "StringNotLike": "*", "ArnNotEquals": "arn:aws:s3:::*",
    "ArnNotLike": "arn:aws:s3:::*", "NotIpAddress": "0.0.0.0/0", "NumericNotEquals": "1", "DateNotEquals": DAY,
}  # fmt: skip
CONTEXT = {
    "empty": [],
    "bytes": "AAEC",
    "address6": "2001:db8::7",
    "aws:username": "ann",
    "aws:sourcearn": "arn:aws:s3:::photos",
    "aws:sourceip": "203.0.113.7",
    "aws:currenttime": "2026-11-25T12:00:00Z",
    "aws:epochtime": "1795608000",
    "aws:securetransport": "false",
    "s3:max-keys": "10",
    "s3:prefix": "home/ann/*",
    "aws:tagkeys": ["Env", "Owner"],
    "odd": "${aws:username}",
    "aws:principaltag/cost center": "42",
}


@pytest.mark.parametrize(
    ("operator", "key", "value", "holds"),
    [
        ("StringEquals", "aws:UserName", ["bob", "ann"], True),
        ("StringEquals", "aws:username", "Ann", False),
        ("StringEqualsIgnoreCase", "aws:username", "ANN", True),
        ("StringNotEquals", "aws:username", ["bob", "ann"], False),
        ("StringNotEquals", "aws:username", ["bob"], True),
        ("StringLike", "aws:username", "a*", True),
        ("StringNotLike", "aws:username", "a*", False),
        ("StringEquals", "absent", "x", False),
        ("StringNotEquals", "absent", "x", True),
        ("StringEqualsIfExists", "absent", "x", True),
        ("StringEqualsIfExists", "aws:username", "x", False),
        ("Null", "absent", "true", True),
        ("Null", "aws:username", True, False),
        ("Null", "aws:username", "false", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::p*", True),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s3:::*", True),
        ("ArnLike", "aws:SourceArn", "arn:*", False),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:s3:::q*", True),
        ("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "203.0.113.0/24"], True),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", False),
        ("IpAddress", "aws:SourceIp", "no address", False),
        ("Bool", "aws:SecureTransport", False, True),
        ("Bool", "aws:SecureTransport", "true", False),
        ("NumericLessThanEquals", "s3:max-keys", 10, True),
        ("NumericGreaterThan", "s3:max-keys", "10", False),
        ("NumericNotEquals", "s3:max-keys", "9", True),
        ("NumericEquals", "s3:max-keys", "ten", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-25T11:59:59+00:00", True),
        ("DateLessThan", "aws:EpochTime", "2026-11-25T00:00:00Z", False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["Env", "Owner", "Cost"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["Env"], False),
        ("ForAllValues:StringEquals", "absent", ["Env"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["Env"], True),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["Env"], True),
        ("ForAnyValue:StringEquals", "absent", ["Env"], False),
        ("StringLike", "s3:prefix", "home/${aws:username}/*", True),
        ("StringEquals", "s3:prefix", "home/${aws:username}/${*}", True),
        ("StringLike", "s3:prefix", "home/${aws:username}/${?}", False),
        ("StringEquals", "aws:username", "${absent, 'ann'}", True),
        ("StringEquals", "aws:username", "${ aws:username }", True),
        ("StringEquals", "aws:PrincipalTag/cost center", "${aws:PrincipalTag/cost center}", True),
        ("StringEquals", "aws:PrincipalTag/cost center", "${aws:PrincipalTag/other center , '42'}", True),
        ("StringLike", "aws:username", "${absent}*", False),
        # A key that is absent: only a Not and an IfExists hold, and ForAllValues, which speaks of no value then.
        *((operator, "absent", value, False) for operator, value in OPERATORS.items()),
        *((operator + "IfExists", "absent", value, True) for operator, value in OPERATORS.items()),
        *(("ForAllValues:" + operator, "absent", value, True) for operator, value in OPERATORS.items()),
        *(("ForAllValues:" + operator, "empty", value, True) for operator, value in OPERATORS.items()),
        *(("ForAnyValue:" + operator, "absent", value, False) for operator, value in OPERATORS.items()),
        *(("ForAnyValue:" + operator, "empty", value, False) for operator, value in OPERATORS.items()),
        *((operator, "absent", value, True) for operator, value in NEGATED.items()),
        *(("ForAllValues:" + operator, "absent", value, True) for operator, value in NEGATED.items()),
        *(("ForAnyValue:" + operator, "absent", value, False) for operator, value in NEGATED.items()),
        *((operator.lower(), "absent", value, True) for operator, value in NEGATED.items()),
        ("BinaryEquals", "bytes", "AAEC", True),
        ("BinaryEquals", "bytes", "AAED", False),
        ("BinaryEqualsIfExists", "bytes", "AAED", False),
        ("BinaryEquals", "bytes", "no Base64", False),
        ("IpAddress", "address6", "2001:db8::/32", True),
        ("IpAddress", "address6", "2001:DB8:0:0::7", True),
        ("IpAddress", "address6", ["203.0.113.0/24", "2001:db9::/32"], False),
        ("NotIpAddress", "address6", "203.0.113.0/24", True),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s?:*:*:photos", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:S3:::photos", False),
        ("ArnNotEquals", "aws:SourceArn", ["arn:aws:s3:::q*", "arn:aws:s3:::photos"], False),
        ("ForAllValues:StringEqualsIgnoreCase", "aws:TagKeys", ["env", "OWNER"], True),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["Cost"], True),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["Env"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["Env", "Owner"], False),
        ("ForAnyValue:StringLikeIfExists", "absent", ["Env"], True),
        ("Null", "empty", "true", True),
        ("StringEqual", "aws:username", "ann", False),
        ("NumericNotLessThan", "s3:max-keys", "1", False),
    ],
)
def test_conditions_hold_as_documented(operator: str, key: str, value: Any, holds: bool) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    request = Request(USER, "s3:ListBucket", "arn:aws:s3:::photos", CONTEXT)
    assert decide(statement, request) is (Effect.ALLOW if holds else None)


def test_variables_are_text_in_policies_of_the_first_version() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Condition": {"StringEquals": {"odd": "${aws:username}"}}}
    request = Request(USER, "s3:GetObject", "*", CONTEXT)
    assert decide(statement, request, "2008-10-17") is Effect.ALLOW
    assert decide(statement, request) is None


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a*b*c", "a--b--c", True),
        ("a*b*c", "acb", False),
        ("a*a", "a", False),
        ("*", "", True),
        ("?*", "", False),
        ("*?b", "xab", True),
        ("a**b", "ab", True),
        ("a.c", "abc", False),
        ("a*\n", "a b\n", True),
    ],
)
def test_wildcards_stand_for_texts_and_characters(pattern: str, text: str, matches: bool) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": pattern}
    assert (decide(statement, Request(USER, "a:B", text)) is Effect.ALLOW) is matches


def test_no_pattern_takes_for_ever() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*a" * 1000 + "b"}
    assert decide(statement, Request(USER, "a:B", "a" * 5000)) is None
