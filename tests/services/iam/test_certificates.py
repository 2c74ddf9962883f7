"""Server certificates, signing certificates and SSH public keys."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.services.iam.certified import STARTS, certified

ROOT = certified("root")
MIDDLE = certified("middle", ROOT)
LEAF = certified("leaf", MIDDLE)


@pytest.fixture
def iam(aws: Any) -> Any:
    client = aws("iam")
    client.create_user(UserName="ann")
    return client


def test_a_server_certificate_comes_back_without_its_key(iam: Any, account: str) -> None:
    made = iam.upload_server_certificate(
        ServerCertificateName="web",
        CertificateBody=LEAF.body,
        PrivateKey=LEAF.private,
        CertificateChain=MIDDLE.body + ROOT.body,
        Path="/cloudfront/",
        Tags=[{"Key": "a", "Value": "b"}],
    )["ServerCertificateMetadata"]
    assert made["Arn"] == f"arn:aws:iam::{account}:server-certificate/cloudfront/web"
    assert made["Expiration"] == STARTS + timedelta(days=36_500)
    found = iam.get_server_certificate(ServerCertificateName="web")["ServerCertificate"]
    assert (found["CertificateBody"], found["Tags"]) == (LEAF.body.strip(), [{"Key": "a", "Value": "b"}])
    iam.update_server_certificate(ServerCertificateName="web", NewServerCertificateName="site", NewPath="/")
    (listed,) = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert listed["ServerCertificateName"] == "site"
    iam.delete_server_certificate(ServerCertificateName="site")
    with pytest.raises(ClientError, match=r"NoSuchEntity.*The Server Certificate with name site cannot be found\."):
        iam.get_server_certificate(ServerCertificateName="site")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"CertificateBody": "none"}, "MalformedCertificate.*Unable to parse certificate"),
        ({"PrivateKey": "none"}, "MalformedCertificate.*private key"),
        ({"PrivateKey": ROOT.private}, "KeyPairMismatch"),
        ({"CertificateChain": ROOT.body}, "MalformedCertificate.*index within the chain.*is: -1"),
        ({"CertificateChain": MIDDLE.body + LEAF.body}, "MalformedCertificate.*index within the chain.*is: 0"),
    ],
)
def test_a_server_certificate_must_fit_its_key_and_chain(iam: Any, given: dict[str, str], code: str) -> None:
    whole = {"CertificateBody": LEAF.body, "PrivateKey": LEAF.private} | given
    with pytest.raises(ClientError, match=code):
        iam.upload_server_certificate(ServerCertificateName="web", **whole)


def test_a_user_has_two_signing_certificates_at_most(iam: Any) -> None:
    first = iam.upload_signing_certificate(UserName="ann", CertificateBody=LEAF.body)["Certificate"]
    assert first["CertificateBody"] == LEAF.body
    with pytest.raises(ClientError, match="DuplicateCertificate"):
        iam.upload_signing_certificate(UserName="ann", CertificateBody=LEAF.body)
    iam.upload_signing_certificate(UserName="ann", CertificateBody=ROOT.body)
    with pytest.raises(ClientError, match=r"LimitExceeded.*Cannot exceed quota for CertificatesPerUser: 2"):
        iam.upload_signing_certificate(UserName="ann", CertificateBody=MIDDLE.body)
    iam.update_signing_certificate(UserName="ann", CertificateId=first["CertificateId"], Status="Inactive")
    listed = iam.list_signing_certificates(UserName="ann")["Certificates"]
    assert {row["CertificateId"]: row["Status"] for row in listed}[first["CertificateId"]] == "Inactive"
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_user(UserName="ann")
    for row in listed:
        iam.delete_signing_certificate(UserName="ann", CertificateId=row["CertificateId"])
    iam.delete_user(UserName="ann")


def test_an_ssh_key_can_be_had_in_both_encodings(iam: Any) -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    made = iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=pem)["SSHPublicKey"]
    assert (made["SSHPublicKeyBody"], len(made["Fingerprint"].split(":"))) == (ssh, 16)
    key_id = made["SSHPublicKeyId"]
    found = iam.get_ssh_public_key(UserName="ann", SSHPublicKeyId=key_id, Encoding="PEM")["SSHPublicKey"]
    assert found["SSHPublicKeyBody"] == pem.strip()
    with pytest.raises(ClientError, match="DuplicateSSHPublicKey"):
        iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=ssh)
    with pytest.raises(ClientError, match="InvalidPublicKey"):
        iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody="ssh-rsa none")
    iam.update_ssh_public_key(UserName="ann", SSHPublicKeyId=key_id, Status="Inactive")
    assert iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"][0]["Status"] == "Inactive"
    iam.delete_ssh_public_key(UserName="ann", SSHPublicKeyId=key_id)
    assert iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"] == []
