"""AssumeRoleWithSAML. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.sts.base import Federated, Sessions, role_of
from fogbank.services.sts.errors import AccessDenied, ExpiredToken, InvalidIdentityToken
from fogbank.services.sts.saml_responses import Assertion, BadResponse, read_response
from fogbank.services.sts.session_tags import session_tags

_ACTION = "sts:AssumeRoleWithSAML"
_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_AUDIENCES = frozenset(("urn:amazon:webservices", "https://signin.aws.amazon.com/saml"))
REDEEMED_WITHIN_S = 300


class Saml(Sessions):
    """The operation AssumeRoleWithSAML of `StsService`."""

    async def assume_role_with_saml(
        self,
        ctx: Context,
        *,
        RoleArn: str,
        PrincipalArn: str,
        SAMLAssertion: str,
        DurationSeconds: int = 3600,
        Policy: str | None = None,
        PolicyArns: list[dict[str, str]] | None = None,
    ) -> Answer:
        arn, _ = role_of(RoleArn)
        there = ctx.at(account=arn.account)
        try:
            provider = self.cloud.iam.get_saml_provider(there, SAMLProviderArn=PrincipalArn)
        except AwsError:
            raise InvalidIdentityToken("Specified provider doesn't exist") from None
        try:
            assertion = await asyncio.to_thread(read_response, SAMLAssertion, provider["SAMLMetadataDocument"])
        except BadResponse as fault:
            raise InvalidIdentityToken(str(fault)) from None
        _check(assertion, ctx.refreshed().now_ms / 1000)
        given = _attributes(assertion)
        if not any({RoleArn, PrincipalArn} == {part.strip() for part in pair.split(",")} for pair in given["Role"]):
            raise AccessDenied(f"Not authorized to perform {_ACTION}")
        tags, transitive = session_tags(
            None,
            [
                {"Key": name.removeprefix("PrincipalTag:"), "Value": values[0] if values else ""}
                for name, values in given.items()
                if name.startswith("PrincipalTag:")
            ],
            given.get("TransitiveTagKeys", []),
        )
        qualifier = _name_qualifier(assertion.issuer, PrincipalArn)
        who = Federated(
            provider=PrincipalArn,
            session_name=given["RoleSessionName"][0],
            facts=_facts(assertion, PrincipalArn, qualifier),
            tags=tags,
            transitive=transitive,
            source_identity=(given.get("SourceIdentity") or [""])[0],
        )
        longest = whole_number((given.get("SessionDuration") or [""])[0])
        seconds = DurationSeconds if longest is None else min(DurationSeconds, longest)
        answer = await ctx.run(
            self._federated_session, there.refreshed(), RoleArn, _ACTION, who, seconds, Policy, PolicyArns
        )
        return answer | {
            "Subject": assertion.subject,
            "SubjectType": assertion.subject_type,
            "Issuer": assertion.issuer,
            "Audience": assertion.recipient,
            "NameQualifier": qualifier,
        }


def _check(assertion: Assertion, now_s: float) -> None:
    try:
        issued = datetime.fromisoformat(assertion.issued)
    except ValueError:
        raise InvalidIdentityToken("The assertion does not tell when it was issued.") from None
    issued_s = (issued if issued.tzinfo is not None else issued.replace(tzinfo=UTC)).timestamp()
    if not issued_s - REDEEMED_WITHIN_S <= now_s <= issued_s + REDEEMED_WITHIN_S:
        raise ExpiredToken("Token must be redeemed within 5 minutes of issuance")
    if _AUDIENCES.isdisjoint(assertion.audiences):
        raise InvalidIdentityToken("Response did not contain a valid audience")
    given = _attributes(assertion)
    for name in ("Role", "RoleSessionName"):
        if not any(given.get(name, ())):
            raise InvalidIdentityToken(f"{name} is required in AuthnResponse")


def _attributes(assertion: Assertion) -> dict[str, list[str]]:
    """The attributes that are meant for AWS."""
    return {
        name.removeprefix(_ATTRIBUTES): list(values)
        for name, values in assertion.attributes.items()
        if name.startswith(_ATTRIBUTES)
    }


def _name_qualifier(issuer: str, provider: str) -> str:
    """What tells a subject of this provider from those of others."""
    account, name = provider.split(":")[4], provider.rpartition("/")[2]
    digest = hashlib.sha1(f"{issuer}{account}/{name}".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _facts(assertion: Assertion, provider: str, qualifier: str) -> Mapping[str, list[str]]:
    return {
        "saml:aud": [assertion.recipient],
        "saml:doc": ["/".join((provider.split(":")[4], provider.rpartition("/")[2]))],
        "saml:iss": [assertion.issuer],
        "saml:namequalifier": [qualifier],
        "saml:sub": [assertion.subject],
        "saml:sub_type": [assertion.subject_type],
        "aws:federatedprovider": [provider],
    }
