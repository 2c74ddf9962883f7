"""Access control lists of buckets and objects, ownership and the public access block."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
SOMEBODY = "ab" * 32


@pytest.fixture
def open_bucket(s3: Any, bucket: str) -> str:
    """A bucket that has ACLs, also public ones."""
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    return bucket


def granted(acl: dict[str, Any]) -> list[tuple[str, str]]:
    """Who may do what, without the owner's full control."""
    owner = acl["Owner"]["ID"]
    found = [(g["Grantee"].get("URI") or g["Grantee"]["ID"], g["Permission"]) for g in acl["Grants"]]
    return [grant for grant in found if grant != (owner, "FULL_CONTROL")]


@pytest.mark.parametrize(
    ("canned", "grants"),
    [
        ("private", []),
        ("public-read", [(ALL_USERS, "READ")]),
        ("public-read-write", [(ALL_USERS, "READ"), (ALL_USERS, "WRITE")]),
        ("log-delivery-write", [(LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")]),
    ],
)
def test_a_canned_acl_is_a_list_of_grants(
    s3: Any, open_bucket: str, canned: str, grants: list[tuple[str, str]]
) -> None:
    s3.put_bucket_acl(Bucket=open_bucket, ACL=canned)
    assert granted(s3.get_bucket_acl(Bucket=open_bucket)) == grants


def test_grant_headers_name_several_grantees(s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"1")
    s3.put_object_acl(
        Bucket=open_bucket, Key="k", GrantRead=f'id="{SOMEBODY}", uri="{LOG_DELIVERY}"', GrantReadACP=f"id={SOMEBODY}"
    )
    found = s3.get_object_acl(Bucket=open_bucket, Key="k")
    assert granted(found) == [(SOMEBODY, "READ"), (LOG_DELIVERY, "READ"), (SOMEBODY, "READ_ACP")]


def test_a_document_replaces_the_list(s3: Any, open_bucket: str) -> None:
    s3.put_bucket_acl(Bucket=open_bucket, ACL="public-read")
    owner = s3.get_bucket_acl(Bucket=open_bucket)["Owner"]
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": SOMEBODY}, "Permission": "READ"}
    s3.put_bucket_acl(Bucket=open_bucket, AccessControlPolicy={"Owner": owner, "Grants": [grant]})
    assert granted(s3.get_bucket_acl(Bucket=open_bucket)) == [(SOMEBODY, "READ")]


def test_each_version_has_its_own_list(s3: Any, open_bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=open_bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=open_bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_object_acl(Bucket=open_bucket, Key="k", ACL="public-read")
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"2")
    assert granted(s3.get_object_acl(Bucket=open_bucket, Key="k")) == []
    assert granted(s3.get_object_acl(Bucket=open_bucket, Key="k", VersionId=first)) == [(ALL_USERS, "READ")]


def test_a_bucket_whose_owner_owns_all_objects_has_no_acls(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    for put in (
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="private"),
        lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL="private"),
    ):
        with pytest.raises(ClientError, match=r"AccessControlListNotSupported.*The bucket does not allow ACLs"):
            put()
    assert granted(s3.get_bucket_acl(Bucket=bucket)) == []


def test_public_acls_are_refused_where_they_are_blocked(s3: Any, open_bucket: str) -> None:
    s3.put_public_access_block(Bucket=open_bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    s3.put_bucket_acl(Bucket=open_bucket, ACL="log-delivery-write")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_bucket_acl(Bucket=open_bucket, ACL="public-read")


def test_ownership_is_enforced_only_without_grants_to_others(s3: Any, open_bucket: str) -> None:
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_acl(Bucket=open_bucket, ACL="log-delivery-write")
    with pytest.raises(ClientError, match="InvalidBucketAclWithObjectOwnership"):
        s3.put_bucket_ownership_controls(Bucket=open_bucket, OwnershipControls=enforced)
    s3.put_bucket_acl(Bucket=open_bucket, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=open_bucket, OwnershipControls=enforced)


def test_a_new_bucket_can_have_an_acl(s3: Any, account: str) -> None:
    name = f"granted-{account}"
    with pytest.raises(ClientError, match="InvalidBucketAclWithObjectOwnership"):
        s3.create_bucket(Bucket=name, ACL="log-delivery-write")
    s3.create_bucket(Bucket=name, ACL="log-delivery-write", ObjectOwnership="BucketOwnerPreferred")
    assert granted(s3.get_bucket_acl(Bucket=name)) == [(LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")]


def test_an_object_is_made_with_its_list(s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="put", Body=b"1", ACL="public-read")
    s3.copy_object(Bucket=open_bucket, Key="copied", CopySource=f"{open_bucket}/put")
    s3.copy_object(Bucket=open_bucket, Key="granted", CopySource=f"{open_bucket}/put", GrantRead=f"id={SOMEBODY}")
    upload = s3.create_multipart_upload(Bucket=open_bucket, Key="parts", ACL="public-read")["UploadId"]
    part = s3.upload_part(Bucket=open_bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"1")
    s3.complete_multipart_upload(
        Bucket=open_bucket,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    lists = {key: granted(s3.get_object_acl(Bucket=open_bucket, Key=key)) for key in ("put", "copied", "parts")}
    assert lists == {"put": [(ALL_USERS, "READ")], "copied": [], "parts": [(ALL_USERS, "READ")]}


def test_whoever_writes_an_object_owns_it_unless_the_bucket_s_owner_does(aws: Any, s3: Any, open_bucket: str) -> None:
    writer = aws("s3", account="999999999999")
    mine, theirs = s3.get_bucket_acl(Bucket=open_bucket)["Owner"], writer.list_buckets()["Owner"]

    def owner(**acl: str) -> dict[str, str]:
        writer.put_object(Bucket=open_bucket, Key="k", Body=b"1", **acl)
        found: dict[str, str] = s3.get_object_acl(Bucket=open_bucket, Key="k")["Owner"]
        return found

    assert owner() == theirs
    assert owner(ACL="bucket-owner-full-control") == theirs
    for ownership, acl, expected in (
        ("BucketOwnerPreferred", {}, theirs),
        ("BucketOwnerPreferred", {"ACL": "bucket-owner-full-control"}, mine),
        ("BucketOwnerEnforced", {}, mine),
        ("BucketOwnerEnforced", {"ACL": "bucket-owner-full-control"}, mine),
    ):
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        s3.put_bucket_ownership_controls(Bucket=open_bucket, OwnershipControls=rules)
        assert owner(**acl) == expected, (ownership, acl)
    with pytest.raises(ClientError, match="AccessControlListNotSupported"):
        owner(ACL="private")


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({"ACL": "shared"}, "InvalidArgument"),
        ({"GrantRead": 'uri="http://example.com/group"'}, "InvalidArgument.*Invalid group uri"),
        ({"GrantRead": 'id="me"'}, "InvalidArgument.*Invalid id"),
        ({"GrantRead": 'name="me"'}, "InvalidArgument.*Argument format not recognized"),
        ({"GrantRead": 'emailAddress="me@example.com"'}, "UnresolvableGrantByEmailAddress"),
        ({"ACL": "private", "GrantRead": f"id={SOMEBODY}"}, "Specifying both Canned ACLs and Header Grants"),
        ({"AccessControlPolicy": {}}, "MalformedACLError"),
        ({}, "MissingSecurityHeader"),
    ],
)
def test_what_is_no_acl_is_refused(s3: Any, open_bucket: str, parameters: dict[str, Any], refusal: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"1")
    with pytest.raises(ClientError, match=refusal):
        s3.put_bucket_acl(Bucket=open_bucket, **parameters)
    with pytest.raises(ClientError, match=refusal):
        s3.put_object_acl(Bucket=open_bucket, Key="k", **parameters)
    assert granted(s3.get_bucket_acl(Bucket=open_bucket)) == []


def test_a_canned_acl_that_nobody_knows_is_refused_with_an_empty_message(s3: Any, open_bucket: str) -> None:
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_acl(Bucket=open_bucket, ACL="shared")
    refusal = refused.value.response["Error"]
    named = {"ArgumentName": "x-amz-acl", "ArgumentValue": "shared"}
    assert refusal == {"Code": "InvalidArgument", "Message": None, **named}
