"""SAML 2.0 responses of identity providers: verified, and what they assert.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html
Signatures are checked by signxml, and nothing is read but what a signature covers.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMES = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_RESPONSE_BYTES_MAX = 100_000


class BadResponse(Exception):
    """What is wrong with a response, in STS's words as far as they are known."""


class Assertion(NamedTuple):
    """What a provider says about somebody."""

    issuer: str
    subject: str
    subject_type: str
    recipient: str
    issued: str
    """When, as it is written."""
    audiences: Sequence[str]
    attributes: Mapping[str, Sequence[str]]


def read_response(encoded: str, metadata: str) -> Assertion:
    """The assertion of a response in base 64 that one of the provider's certificates signed; takes milliseconds."""
    try:
        response = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadResponse("Invalid base64 SAMLResponse") from None
    if len(response) > _RESPONSE_BYTES_MAX:
        raise BadResponse("The SAMLResponse is too large.")
    provider = _parsed(metadata.encode(), "The metadata of the provider cannot be read.")
    signed = _signed_part(_parsed(response, "Invalid SAMLResponse"), _certificates(provider))
    assertion = signed if signed.tag == f"{{{_NAMES['saml']}}}Assertion" else signed.find("saml:Assertion", _NAMES)
    if assertion is None:
        raise BadResponse("The SAMLResponse has no assertion that is signed and not encrypted.")
    found = _assertion(assertion)
    if found.issuer != provider.get("entityID"):
        raise BadResponse("Issuer not present in specified provider")
    return found


def _parsed(text: bytes, complaint: str) -> "_Element":
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadResponse(complaint) from None


def _certificates(provider: "_Element") -> list[str]:
    found = provider.iterfind(".//md:IDPSSODescriptor/md:KeyDescriptor", _NAMES)
    texts = [
        "".join((certificate.text or "").split())
        for descriptor in found
        if descriptor.get("use") in (None, "signing")
        for certificate in descriptor.iterfind(".//ds:X509Certificate", _NAMES)
    ]
    return [f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in texts]


def _signed_part(response: "_Element", certificates: Sequence[str]) -> "_Element":
    """What the first signature covers: the whole response or its assertion."""
    from cryptography.exceptions import InvalidSignature as WrongSignature
    from lxml.etree import LxmlError
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    config = SignatureConfiguration(require_x509=True)
    for certificate in certificates:
        try:
            result: Any = XMLVerifier().verify(response, x509_cert=certificate, expect_config=config)
        except (SignXMLException, WrongSignature, LxmlError, ValueError):
            continue
        signed: _Element | None = result.signed_xml
        if signed is not None:
            return signed
    raise BadResponse("Response signature invalid")


def _assertion(assertion: "_Element") -> Assertion:
    subject = assertion.find("saml:Subject/saml:NameID", _NAMES)
    confirmation = assertion.find("saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData", _NAMES)
    if subject is None or confirmation is None:
        raise BadResponse("The assertion names no subject.")
    attributes = {
        str(attribute.get("Name")): [
            (value.text or "").strip() for value in attribute.iterfind("saml:AttributeValue", _NAMES)
        ]
        for attribute in assertion.iterfind("saml:AttributeStatement/saml:Attribute", _NAMES)
    }
    audiences = assertion.iterfind("saml:Conditions/saml:AudienceRestriction/saml:Audience", _NAMES)
    return Assertion(
        issuer=(assertion.findtext("saml:Issuer", "", _NAMES)).strip(),
        subject=(subject.text or "").strip(),
        subject_type=str(subject.get("Format", "")).removeprefix(_FORMAT),
        recipient=str(confirmation.get("Recipient", "")),
        issued=str(assertion.get("IssueInstant", "")),
        audiences=[(audience.text or "").strip() for audience in audiences],
        attributes=attributes,
    )
