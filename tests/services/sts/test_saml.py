"""Roles for who comes with a response of a SAML 2.0 provider."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from lxml import etree
from signxml import XMLSigner

from tests.services.iam.certified import Certified, certified

ISSUER = "https://idp.example.com"
IDP = certified("idp")
OTHER = certified("other")
ROLE = "https://aws.amazon.com/SAML/Attributes/Role"
NAME = "https://aws.amazon.com/SAML/Attributes/RoleSessionName"


def metadata(idp: Certified) -> str:
    body = "".join(idp.body.splitlines()[1:-1])
    padding = "<!-- IAM wants a thousand characters of metadata. -->" * 20
    return f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}">{padding}
        <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
        <KeyDescriptor use="signing">
        <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{body}</X509Certificate></X509Data>
        </KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"""


def response(
    now_s: float, attributes: dict[str, str], *, idp: Certified = IDP, audience: str = "urn:amazon:webservices"
) -> etree._Element:
    """A response whose assertion is signed."""
    issued = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = "".join(
        f'<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>'
        for name, value in attributes.items()
    )
    assertion = etree.fromstring(
        f"""<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" Version="2.0"
        IssueInstant="{issued}"><saml:Issuer>{ISSUER}</saml:Issuer><saml:Subject>
        <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ann</saml:NameID>
        <saml:SubjectConfirmation><saml:SubjectConfirmationData Recipient="https://signin.aws.amazon.com/saml"/>
        </saml:SubjectConfirmation></saml:Subject><saml:Conditions><saml:AudienceRestriction>
        <saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
        <saml:AttributeStatement>{values}</saml:AttributeStatement></saml:Assertion>"""
    )
    signer = XMLSigner(signature_algorithm="ecdsa-sha256", c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
    signed = signer.sign(assertion, key=idp.private.encode(), cert=idp.body, reference_uri="#_a1")
    whole = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Response", ID="_r1", Version="2.0")
    whole.append(signed)
    return whole


def encoded(element: etree._Element) -> str:
    return base64.b64encode(etree.tostring(element)).decode()


class Federation:
    """A provider, a role that it may give, and the call as a browser would make it."""

    def __init__(self, aws: Any, server: Any, clock: Any) -> None:
        iam = aws("iam")
        self.clock = clock
        self.provider = iam.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata(IDP))["SAMLProviderArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider},
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.role = iam.create_role(RoleName="guest", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.client = boto3.client(
            "sts", endpoint_url=server.endpoint, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
        )

    @property
    def attributes(self) -> dict[str, str]:
        return {ROLE: f"{self.role},{self.provider}", NAME: "ann@example.com"}

    def now_s(self) -> float:
        now_ms: int = self.clock.now_ms()
        return now_ms / 1000

    def assume(self, assertion: str) -> Any:
        return self.client.assume_role_with_saml(RoleArn=self.role, PrincipalArn=self.provider, SAMLAssertion=assertion)


@pytest.fixture
def federation(aws: Any, server: Any, clock: Any) -> Iterator[Federation]:
    made = Federation(aws, server, clock)
    yield made
    made.client.close()


def test_a_response_of_the_provider_gives_a_session_of_the_role(federation: Federation, account: str) -> None:
    answer = federation.assume(encoded(response(federation.now_s(), federation.attributes)))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/guest/ann@example.com"
    assert (answer["Subject"], answer["SubjectType"], answer["Issuer"]) == ("ann", "persistent", ISSUER)
    assert answer["Audience"] == "https://signin.aws.amazon.com/saml"
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")


def changed(element: etree._Element) -> etree._Element:
    """The same response about somebody else."""
    (subject,) = element.iter("{urn:oasis:names:tc:SAML:2.0:assertion}NameID")
    subject.text = "root"
    return element


def misshapen(element: etree._Element) -> etree._Element:
    """The same response with a signature that is none."""
    (value,) = element.iter("{http://www.w3.org/2000/09/xmldsig#}SignatureValue")
    value.text = "!"
    return element


def wrapped(element: etree._Element) -> etree._Element:
    """Another assertion stands before the one that is signed."""
    forged = etree.fromstring(etree.tostring(element[0]))
    for signature in list(forged.iter("{http://www.w3.org/2000/09/xmldsig#}Signature")):
        signature.getparent().remove(signature)
    forged.set("ID", "_a2")
    (subject,) = forged.iter("{urn:oasis:names:tc:SAML:2.0:assertion}NameID")
    subject.text = "root"
    element.insert(0, forged)
    return element


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda it: response(it.now_s(), it.attributes, idp=OTHER), "InvalidIdentityToken.*signature invalid"),
        (lambda it: changed(response(it.now_s(), it.attributes)), "InvalidIdentityToken.*signature invalid"),
        (lambda it: misshapen(response(it.now_s(), it.attributes)), "InvalidIdentityToken.*signature invalid"),
        (lambda it: response(it.now_s() - 600, it.attributes), "ExpiredToken.*redeemed within 5 minutes"),
        (lambda it: response(it.now_s(), it.attributes, audience="x"), "InvalidIdentityToken.*audience"),
        (lambda it: response(it.now_s(), {NAME: "ann"}), "InvalidIdentityToken.*Role is required"),
        (lambda it: response(it.now_s(), it.attributes | {ROLE: "a,b"}), "AccessDenied.*sts:AssumeRoleWithSAML"),
    ],
)
def test_any_other_response_is_refused(
    federation: Federation, make: Callable[[Federation], etree._Element], code: str
) -> None:
    with pytest.raises(ClientError, match=code):
        federation.assume(encoded(make(federation)))


def test_only_what_is_signed_is_read(federation: Federation) -> None:
    answer = federation.assume(encoded(wrapped(response(federation.now_s(), federation.attributes))))
    assert answer["Subject"] == "ann"


@pytest.mark.parametrize("text", ["none", base64.b64encode(b"<a>").decode()])
def test_what_is_no_response_is_refused(federation: Federation, text: str) -> None:
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        federation.assume(text)
