"""S3's ways to let others in: bucket policies, ACLs, presigned requests, forms; and what keeps a bucket private."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import Client, GuardedServer, User, fetch
from tests.services.s3.test_browser_posts import BOUNDARY, form


@pytest.fixture
def bucket(root: Client) -> str:
    name = f"b-{secrets.token_hex(4)}"
    root("s3").create_bucket(Bucket=name)
    root("s3").put_object(Bucket=name, Key="a", Body=b"hello")
    return name


@pytest.fixture
def stranger(guarded: GuardedServer) -> Any:
    return guarded.as_nobody("s3")


def post(url: str, body: bytes) -> tuple[int, bytes]:
    return fetch(urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}))


def code_of(call: Callable[..., Any], /, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def let_everybody(s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_a_bucket_is_its_accounts_alone_until_its_policy_says_otherwise(
    root: Client, stranger: Any, bucket: str
) -> None:
    assert code_of(stranger.get_object, Bucket=bucket, Key="a") == "AccessDenied"
    let_everybody(root("s3"), bucket)
    assert stranger.get_object(Bucket=bucket, Key="a")["Body"].read() == b"hello"
    assert code_of(stranger.put_object, Bucket=bucket, Key="a", Body=b"") == "AccessDenied"
    root("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert code_of(stranger.get_object, Bucket=bucket, Key="a") == "AccessDenied"


def test_a_key_that_nobody_has_is_refused_in_s3s_words(guarded: GuardedServer, bucket: str) -> None:
    s3 = guarded.as_caller("s3", ("AKIANOBODYHASTHISKEY", "secret"))
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=bucket, Key="a")
    assert refused.value.response["Error"] == {
        "Code": "InvalidAccessKeyId",
        "Message": "The AWS Access Key Id you provided does not exist in our records.",
        "AWSAccessKeyId": "AKIANOBODYHASTHISKEY",
    }


def test_an_acl_lets_everybody_read_unless_it_is_ignored(root: Client, stranger: Any, bucket: str) -> None:
    s3 = root("s3")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_object(Bucket=bucket, Key="b*", Body=b"read me", ACL="public-read")
    assert stranger.get_object(Bucket=bucket, Key="b*")["Body"].read() == b"read me"
    assert code_of(stranger.get_object, Bucket=bucket, Key="a") == "AccessDenied"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert code_of(stranger.get_object, Bucket=bucket, Key="b*") == "AccessDenied"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_request_is_its_signers(new_user: Callable[[], User], bucket: str, version: str) -> None:
    user = new_user()
    url = user.client("s3", signature=version).generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "a"}
    )
    assert fetch(url)[0] == 403
    user.may({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
    assert fetch(url) == (200, b"hello")
    status, told = fetch(url.replace("/a?", "/b?"))
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in told
    assert b"<StringToSign>" in told


@pytest.mark.parametrize(
    ("version", "found", "wrong", "code", "message"),
    [
        (
            "s3v4",
            "&X-Amz-Expires=3600",
            "",
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4",
        ),
        ("s3v4", "%2Fus-east-1", "%252Fus-east-1", "AuthorizationQueryParametersError", "Error parsing the X-Amz-Cred"),
        ("s3", "&Expires=", "&Ends=", "AccessDenied", "Query-string authentication requires the Signature, Expires"),
    ],
)
def test_s3_tells_what_its_query_lacks(
    root: Client, bucket: str, version: str, found: str, wrong: str, code: str, message: str
) -> None:
    url = root("s3", signature=version).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
    assert fetch(url) == (200, b"hello")
    assert found in url
    told = fetch(url.replace(found, wrong))[1].decode()
    assert f"<Code>{code}</Code><Message>{message}" in told


def test_a_header_that_a_presigned_request_does_not_sign_is_told_before_its_signature(
    root: Client, bucket: str
) -> None:
    url = root("s3", signature="s3v4").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "b"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{url}0", b"1", {"x-amz-acl": "private"}, method="PUT"))
    told = refused.value.read()
    assert b"<Code>AccessDenied</Code><Message>There were headers present in the request which were not signed" in told
    assert b"<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in told


def test_listing_can_be_allowed_below_a_prefix(new_user: Callable[[], User], bucket: str) -> None:
    user = new_user().may(
        {
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": "own/*"}},
        }
    )
    assert user.client("s3").list_objects_v2(Bucket=bucket, Prefix="own/x")["KeyCount"] == 0
    assert code_of(user.client("s3").list_objects_v2, Bucket=bucket) == "AccessDenied"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_form_is_its_signers(new_user: Callable[[], User], bucket: str, version: str) -> None:
    user = new_user()
    made = user.client("s3", signature=version).generate_presigned_post(bucket, "posted")
    assert post(made["url"], form(made["fields"], b"x"))[0] == 403
    user.may({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
    assert post(made["url"], form(made["fields"], b"x"))[0] == 204
    forged = {name: "0" * 64 if "signature" in name else value for name, value in made["fields"].items()}
    assert post(made["url"], form(forged, b"x"))[0] == 403
    status, told = post(made["url"], form({**made["fields"], "policy": made["fields"]["policy"][:-2]}, b"x"))
    assert status == 403, "a signature is looked at before what it signs"
    assert b"<Code>SignatureDoesNotMatch</Code>" in told
    assert b"<StringToSignBytes>" in told


def test_a_form_names_no_other_signer(guarded: GuardedServer, new_user: Callable[[], User], bucket: str) -> None:
    user = new_user().may({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
    named = {
        "x-amz-credential": f"{guarded.root[0]}/20260101/us-east-1/s3/aws4_request",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-date": "20260101T000000Z",
    }
    conditions = [{name: value} for name, value in named.items()]
    made = user.client("s3", signature="s3").generate_presigned_post(bucket, "posted", Conditions=conditions)
    assert post(made["url"], form(made["fields"], b"x"))[0] == 403, "the policy demands the fields"
    status, answer = post(made["url"], form(made["fields"] | named | {"x-amz-signature": "0" * 64}, b"x"))
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in answer


def test_a_website_shows_what_everybody_may_read(root: Client, guarded: GuardedServer, bucket: str) -> None:
    root("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "a"}})
    request = urllib.request.Request(
        f"{guarded.endpoint}/", headers={"Host": f"{bucket}.s3-website.us-east-1.amazonaws.com"}
    )
    assert fetch(request)[0] == 403
    let_everybody(root("s3"), bucket)
    assert fetch(request) == (200, b"hello")


def test_a_website_that_nobody_may_list_tells_nobody_what_is_not_there(
    root: Client, guarded: GuardedServer, bucket: str
) -> None:
    s3 = root("s3")
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "a"}})
    s3.put_object(Bucket=bucket, Key="folder/a", Body=b"in a folder")
    let_everybody(s3, bucket)
    host = {"Host": f"{bucket}.s3-website.us-east-1.amazonaws.com"}

    def visit(path: str) -> tuple[int, bytes]:
        return fetch(urllib.request.Request(f"{guarded.endpoint}/{path}", headers=host))

    assert visit("missing")[0] == 403
    assert visit("folder") == (200, b"in a folder"), "by a redirection to folder/"


@pytest.mark.parametrize("deleted", [False, True])
def test_that_a_key_is_missing_is_told_to_who_may_list_the_bucket(
    root: Client, new_user: Callable[[], User], bucket: str, deleted: bool
) -> None:
    s3 = root("s3")
    if deleted:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=bucket, Key="gone", Body=b"")
        s3.delete_object(Bucket=bucket, Key="gone")
    reads = {"Action": ["s3:GetObject", "s3:GetObjectTagging"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    reader = new_user().may(reads).client("s3")
    lister = new_user().may(reads, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}).client("s3")
    assert code_of(reader.get_object, Bucket=bucket, Key="gone") == "AccessDenied"
    assert code_of(reader.head_object, Bucket=bucket, Key="gone") == "403"
    assert code_of(lister.get_object, Bucket=bucket, Key="gone") == "NoSuchKey"
    assert code_of(lister.head_object, Bucket=bucket, Key="gone") == "404"
    if not deleted:
        assert code_of(reader.get_object_tagging, Bucket=bucket, Key="gone") == "AccessDenied"
        assert code_of(lister.get_object_tagging, Bucket=bucket, Key="gone") == "NoSuchKey"


def test_each_key_that_is_to_be_deleted_is_asked_for(root: Client, new_user: Callable[[], User], bucket: str) -> None:
    s3 = root("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="own/x", Body=b"")["VersionId"]
    user = new_user().may({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/own/*"})
    asked = [{"Key": "own/x"}, {"Key": "a"}, {"Key": "own/x", "VersionId": version}]
    answer = user.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": asked})
    assert [each["Key"] for each in answer["Deleted"]] == ["own/x"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [
        ("a", "AccessDenied"),
        ("own/x", "AccessDenied"),
    ]


def test_a_key_that_looks_like_an_arn_is_a_key(root: Client, new_user: Callable[[], User], bucket: str) -> None:
    """Many operations take an ARN for a name; S3's do not, else somebody could name what they may use."""
    user = new_user().may({"Action": "s3:*", "Resource": "arn:aws:s3:::mine/*"})
    key = "arn:aws:s3:::mine/x"
    assert code_of(user.client("s3").put_object, Bucket=bucket, Key=key, Body=b"") == "AccessDenied"
    root("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    assert code_of(user.client("s3").get_object, Bucket=bucket, Key=key) == "AccessDenied"


def test_what_is_copied_is_told_by_its_own_tags(root: Client, new_user: Callable[[], User], bucket: str) -> None:
    tagged = {"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}
    arn = f"arn:aws:s3:::{bucket}/*"
    user = new_user().may(
        {"Action": ["s3:PutObject", "s3:PutObjectTagging"], "Resource": arn},
        {"Action": "s3:GetObject", "Resource": arn, "Condition": tagged},
    )
    s3 = user.client("s3")
    s3.put_object(Bucket=bucket, Key="copy", Body=b"", Tagging="open=yes")
    source = {"Bucket": bucket, "Key": "a"}
    assert code_of(s3.copy_object, Bucket=bucket, Key="copy", CopySource=source) == "AccessDenied"
    root("s3").put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "open", "Value": "yes"}]})
    assert s3.copy_object(Bucket=bucket, Key="other", CopySource=source)["CopyObjectResult"]
