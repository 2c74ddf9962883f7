"""What a resource-based policy denies outright."""

import json
from typing import Any

import pytest

from fogbank.core.policies import denies

ROOT, USER, SESSION = (
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:sts::111122223333:assumed-role/r/s",
)
DENY: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "ecr:Set*", "Resource": "*"}


@pytest.mark.parametrize(
    ("caller", "changed", "denied"),
    [
        (ROOT, {}, True),
        (USER, {}, True),
        (SESSION, {"Principal": {"AWS": "111122223333"}}, True),
        (SESSION, {"Principal": {"AWS": [USER, SESSION]}}, True),
        (USER, {"Principal": {"AWS": ROOT}}, True),
        (USER, {"Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}}, False),
        (USER, {"Principal": {"Service": "ecr.amazonaws.com"}}, False),
        (USER, {"Effect": "Allow"}, False),
        (USER, {"Action": ["ECR:set?epositoryPolicy", "s3:*"]}, True),
        (USER, {"Action": "ecr:Get*"}, False),
        (USER, {"Action": None, "NotAction": "ecr:Get*"}, True),
        (USER, {"Action": None, "NotAction": "ecr:*"}, False),
        (USER, {"Resource": None}, True),
        (USER, {"Resource": "arn:aws:ecr:*:repository/a"}, True),
        (USER, {"Resource": "arn:aws:ecr:*:repository/b"}, False),
        (USER, {"Resource": None, "NotResource": "arn:aws:ecr:*:repository/b"}, True),
        (USER, {"Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}}}, False),
        (USER, {"Principal": None, "NotPrincipal": {"AWS": USER}}, False),
        (SESSION, {"Principal": None, "NotPrincipal": {"AWS": USER}}, True),
    ],
)
def test_a_deny_takes_what_its_elements_fit(caller: str, changed: dict[str, Any], denied: bool) -> None:
    statement = {name: value for name, value in (DENY | changed).items() if value is not None}
    for statements in (statement, [{"Effect": "Allow", "Principal": "*"}, statement]):
        document = json.dumps({"Statement": statements})
        found = denies(
            document,
            caller=caller,
            action="ecr:SetRepositoryPolicy",
            resource="arn:aws:ecr:us-east-1:111122223333:repository/a",
        )
        assert found is denied


@pytest.mark.parametrize("document", ["", "{", "[]", '"Deny"', "{}", '{"Statement": [1, null, "Deny"]}'])
def test_what_is_no_policy_denies_nothing(document: str) -> None:
    assert denies(document, caller=ROOT, action="a:B", resource="*") is False
