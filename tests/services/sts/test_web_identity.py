"""Roles for who comes with a token of an OpenID Connect provider."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "token.example.com/ci"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def token(now_s: float, *, key: rsa.RSAPrivateKey = KEY, **claims: Any) -> str:
    whole = {
        "iss": f"https://{ISSUER}",
        "aud": "fogbank",
        "sub": "repo:a/b",
        "iat": int(now_s),
        "exp": int(now_s) + 600,
    }
    head = encoded(json.dumps({"alg": "RS256", "kid": "one", "typ": "JWT"}).encode())
    signed = f"{head}.{encoded(json.dumps(whole | claims).encode())}"
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@pytest.fixture(scope="module")
def keys_url() -> Iterator[str]:
    """Where the provider's keys are read."""
    public = KEY.public_key().public_numbers()
    document = {"keys": [{"kty": "RSA", "kid": "one", "n": number(public.n), "e": number(public.e)}]}

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()


@pytest.fixture
def role(aws: Any, account: str, keys_url: str) -> str:
    """A role for those whose subject begins with `repo:a/`."""
    iam = aws("iam")
    provider = iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["fogbank"], Tags=[{"Key": "fogbank:jwks-url", "Value": keys_url}]
    )["OpenIDConnectProviderArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        "Condition": {"StringEquals": {f"{ISSUER}:aud": "fogbank"}, "StringLike": {f"{ISSUER}:sub": "repo:a/*"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return arn


@pytest.fixture
def assume(server: Any, role: str) -> Iterator[Callable[..., Any]]:
    """The call as a CI job makes it: without credentials."""
    client = boto3.client(
        "sts", endpoint_url=server.endpoint, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    yield lambda text, **more: client.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="job", WebIdentityToken=text, **more
    )
    client.close()


def test_a_token_of_the_provider_gives_a_session_of_the_role(
    assume: Callable[..., Any], server: Any, clock: Any, account: str
) -> None:
    answer = assume(token(clock.now_ms() / 1000))
    assert answer["SubjectFromWebIdentityToken"] == "repo:a/b"
    assert (answer["Audience"], answer["Provider"]) == ("fogbank", f"arn:aws:iam::{account}:oidc-provider/{ISSUER}")
    issued = answer["Credentials"]
    session = boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    assert session.get_caller_identity()["Arn"] == f"arn:aws:sts::{account}:assumed-role/ci/job"
    session.close()


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "repo:other/b"}, "AccessDenied.*Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ({"aud": "another"}, "InvalidIdentityToken.*Incorrect token audience"),
        ({"iss": "https://elsewhere"}, "InvalidIdentityToken.*No OpenIDConnect provider found in your account"),
        ({"exp": 1}, "ExpiredTokenException.*Token expired: current date/time"),
        ({"sub": ""}, "InvalidIdentityToken.*Missing a required claim: sub"),
        ({"key": OTHER_KEY}, "InvalidIdentityToken.*signature"),
        (
            {"https://aws.amazon.com/source_identity": "ann"},  # The role lets nobody set one.
            "AccessDenied.*Not authorized",
        ),
    ],
)
def test_any_other_token_is_refused(assume: Callable[..., Any], clock: Any, claims: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        assume(token(clock.now_ms() / 1000, **claims))


@pytest.mark.parametrize(
    ("condition", "lets_in"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"StringEquals": {"sts:RoleSessionName": "job"}}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "blue"}}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "red"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"], "sts:TransitiveTagKeys": ["Team"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Other"]}}, False),
        ({"Null": {"sts:SourceIdentity": "true"}}, True),
    ],
)
def test_a_trust_policy_looks_at_the_request_and_the_session_s_tags(
    aws: Any, assume: Callable[..., Any], clock: Any, condition: dict[str, Any], lets_in: bool
) -> None:
    # given
    iam = aws("iam")
    trust = iam.get_role(RoleName="ci")["Role"]["AssumeRolePolicyDocument"]
    for operator, tests in condition.items():
        trust["Statement"][0]["Condition"].setdefault(operator, {}).update(tests)
    iam.update_assume_role_policy(RoleName="ci", PolicyDocument=json.dumps(trust))
    tags = {"principal_tags": {"Team": ["blue"]}, "transitive_tag_keys": ["Team"]}
    text = token(clock.now_ms() / 1000, **{"https://aws.amazon.com/tags": tags})
    # when, then
    if lets_in:
        assert assume(text)["Credentials"]
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(text)


def test_what_is_no_token_is_refused(assume: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        assume("a.b.c")


def signed_otherwise(now_s: float, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    claims = token(now_s).split(".")[1]
    head = encoded(json.dumps({"alg": algorithm, "kid": "one"}).encode())
    return f"{head}.{claims}.{encoded(sign(f'{head}.{claims}'.encode()))}"


def with_the_public_key(text: bytes) -> bytes:
    """What everybody can compute, and would be right if the key were taken for a secret."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hmac.digest(KEY.public_key().public_bytes(serialization.Encoding.PEM, form), text, "sha256")


@pytest.mark.parametrize(
    ("algorithm", "sign"),
    [("none", lambda text: b""), ("None", lambda text: b""), ("", lambda text: b""), ("HS256", with_the_public_key)],
)
def test_a_token_that_nobody_signed_is_refused(
    assume: Callable[..., Any], clock: Any, algorithm: str, sign: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(ClientError, match=r"InvalidIdentityToken.*signature invalid"):
        assume(signed_otherwise(clock.now_ms() / 1000, algorithm, sign))


def test_a_role_that_trusts_its_account_trusts_no_provider_of_it(
    aws: Any, assume: Callable[..., Any], account: str, clock: Any
) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("iam").update_assume_role_policy(RoleName="ci", PolicyDocument=document)
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(token(clock.now_ms() / 1000))


def test_session_policies_and_tags_have_limited_room(assume: Callable[..., Any], clock: Any) -> None:
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["a"]}, "transitive_tag_keys": ["Team"]}}
    answer = assume(
        token(clock.now_ms() / 1000, **tags), PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
    )
    assert 0 < answer["PackedPolicySize"] < 100
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        assume(token(clock.now_ms() / 1000), Policy="{}")
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument.*none was not found"):
        assume(token(clock.now_ms() / 1000), PolicyArns=[{"arn": "arn:aws:iam::111122223333:policy/none"}])


def test_a_provider_on_another_machine_is_not_asked(aws: Any, assume: Callable[..., Any], clock: Any) -> None:
    iam = aws("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"], TagKeys=["fogbank:jwks-url"])
    with pytest.raises(ClientError, match=r"InvalidIdentityToken.*Couldn't retrieve verification key"):
        assume(token(clock.now_ms() / 1000))
