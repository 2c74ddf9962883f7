"""Bucket policies: kept, refused where they are none, and told whether they are public."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.public_policies import is_public
from fogbank.services.s3.policy_documents import parsed

BUCKET = "docs"


def policy(**statement: Any) -> dict[str, Any]:
    usual = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    merged = {name: value for name, value in (usual | statement).items() if value is not None}
    return {"Version": "2012-10-17", "Statement": [merged]}


def test_a_policy_is_kept_to_the_letter(s3: Any, bucket: str) -> None:
    text = json.dumps(policy(Principal={"AWS": "123456789012"}, Resource=f"arn:aws:s3:::{bucket}/*"), indent=3)
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    s3.delete_bucket_policy(Bucket=bucket)
    for read in (s3.get_bucket_policy, s3.get_bucket_policy_status):
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            read(Bucket=bucket)


def test_a_public_policy_is_refused_where_it_is_blocked(s3: Any, bucket: str) -> None:
    text = json.dumps(policy(Resource=f"arn:aws:s3:::{bucket}/*"))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]


def test_locking_oneself_out_is_refused_by_name(s3: Any, bucket: str) -> None:
    text = json.dumps(policy(Principal={"AWS": "123456789012"}, Resource=f"arn:aws:s3:::{bucket}/*"))
    with pytest.raises(ClientError, match=r"NotImplemented.*ConfirmRemoveSelfBucketAccess"):
        s3.put_bucket_policy(Bucket=bucket, Policy=text, ConfirmRemoveSelfBucketAccess=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("{}", "Missing required field Statement"),
        (json.dumps(policy(Principal=None)), "Missing required field Principal"),
        (json.dumps(policy(Effect="Maybe")), "Invalid effect"),
        (json.dumps(policy(Resource=None)), "Statement is missing required element"),
        (json.dumps(policy(Action=None)), "Statement is missing required element"),
        (json.dumps(policy(Action="s3:Fly")), "Policy has invalid action"),
        (json.dumps(policy(Action="sqs:SendMessage")), "Policy has invalid action"),
        (json.dumps(policy(Resource="arn:aws:s3:::other/*")), "Policy has invalid resource"),
        (json.dumps(policy(Action="s3:ListBucket")), "Action does not apply to any resource"),
        (json.dumps(policy(Principal={"AWS": "me"})), "Invalid principal in policy"),
        (json.dumps(policy(Principal={"AWS": "arn:aws:iam::123456789012:role/*"})), "Invalid principal in policy"),
        (json.dumps(policy(Action="s3:ListAllMyBuckets")), "Action does not apply to any resource"),
        (json.dumps(policy(Condition={"StringIs": {"aws:PrincipalArn": "x"}})), "Invalid Condition type : StringIs"),
        (json.dumps(policy(Condition={"Bool": {"Fine": "true"}})), "Policy has an invalid condition key"),
        (json.dumps(policy(Weather="fine")), "Unknown field Weather"),
        (json.dumps(policy() | {"Version": "2020-01-01"}), "The policy must contain a valid version string"),
    ],
)
def test_what_is_no_policy_is_refused(s3: Any, bucket: str, text: str, sentence: str) -> None:
    with pytest.raises(ClientError, match=rf"MalformedPolicy.*{sentence}"):
        s3.put_bucket_policy(Bucket=bucket, Policy=text.replace(f":{BUCKET}/", f":{bucket}/"))


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "s3:*"},
        {"Action": "s3:List*", "Resource": f"arn:aws:s3:::{BUCKET}"},
        {
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        },
        {"Resource": f"arn:aws:s3:::{BUCKET}*", "Action": "s3:ListBucket"},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}, "Effect": "Deny"},
        {"Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}},
        {"Principal": {"CanonicalUser": "ab" * 32}},
        {"Condition": {"ForAnyValue:StringLikeIfExists": {"aws:PrincipalTag/team": ["a*", "b"]}}},
        {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Action": "s3:PutBucketPolicy", "Resource": f"arn:aws:s3:::{BUCKET}"},
    ],
)
def test_these_are_policies(statement: dict[str, Any]) -> None:
    parsed(json.dumps(policy(**statement)), BUCKET)


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
@pytest.mark.parametrize(
    ("statement", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, False),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, False),
        ({"Effect": "Deny"}, False),
        (when("StringEquals", "aws:SourceVpc", "vpc-91237329"), False),
        (when("StringLike", "aws:SourceVpc", "vpc-*"), True),
        (when("StringEquals", "aws:PrincipalOrgID", "o-123"), False),
        (when("StringEquals", "aws:PrincipalOrgID", ["o-123", "${aws:PrincipalOrgID}"]), True),
        (when("StringNotEquals", "aws:SourceVpc", "vpc-91237329"), True),
        (when("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-123"), True),
        (when("StringEquals", "s3:prefix", "public/"), True),
        (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), False),
        (when("IpAddress", "aws:SourceIp", "0.0.0.0/1"), True),
        (when("IpAddress", "aws:SourceIp", ["203.0.113.0/24", "0.0.0.0/0"]), True),
        (when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), True),
        (when("ArnLike", "aws:SourceArn", "arn:aws:sns:us-east-1:123456789012:topic"), False),
        (when("StringLike", "s3:DataAccessPointArn", "arn:aws:s3:us-west-2:123456789012:accesspoint/*"), False),
        (when("StringLike", "s3:DataAccessPointArn", "arn:aws:s3:us-west-2:*:accesspoint/a"), True),
        (when("StringLike", "aws:userid", "AROAEXAMPLEID:*"), True),
    ],
)
def test_a_policy_is_public_unless_it_is_tied_to_somebody(statement: dict[str, Any], public: bool) -> None:
    assert is_public(policy(**statement)) == public
