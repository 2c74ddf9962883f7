"""AssumeRoleWithWebIdentity: a token of an OpenID Connect provider for a role's session.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
The keys of a provider are read from its discovery document where its URL leads to this machine, and of any other from
where its tag `fogbank:jwks-url` says.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.http_client import HttpRequest, NoAnswer, is_loopback, send
from fogbank.core.json_text import parse
from fogbank.core.service import Answer
from fogbank.services.sts.base import Federated, Sessions, role_of
from fogbank.services.sts.errors import ExpiredToken, InvalidIdentityToken
from fogbank.services.sts.session_tags import session_tags
from fogbank.services.sts.web_tokens import NoToken, WebToken, read_token

_ACTION = "sts:AssumeRoleWithWebIdentity"
_KEYS_TAG = "fogbank:jwks-url"
_TAGS_CLAIM = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY_CLAIM = "https://aws.amazon.com/source_identity"
_DOCUMENT_BYTES_MAX = 1 << 20
_NO_KEYS = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)


class WebIdentity(Sessions):
    """The operation AssumeRoleWithWebIdentity of `StsService`."""

    async def assume_role_with_web_identity(
        self,
        ctx: Context,
        *,
        RoleArn: str,
        RoleSessionName: str,
        WebIdentityToken: str,
        DurationSeconds: int = 3600,
        Policy: str | None = None,
        PolicyArns: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Tokens of providers that IAM knows; the OAuth 2.0 tokens of a `ProviderId` answer NotImplemented."""
        arn, _ = role_of(RoleArn)
        there = ctx.at(account=arn.account)
        try:
            token = read_token(WebIdentityToken)
        except NoToken:
            raise InvalidIdentityToken(
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
            ) from None
        provider_arn, provider = self._provider(there, token)
        _check_claims(token, provider, ctx.now_ms // 1000)
        if not token.is_signed_by(await _keys_of(token, provider)):
            raise InvalidIdentityToken("Token signature invalid")
        tags, transitive = _tags_in(token)
        who = Federated(
            provider=provider_arn,
            session_name=RoleSessionName,
            facts=_facts_in(token),
            tags=tags,
            transitive=transitive,
            source_identity=str(token.claims.get(_SOURCE_IDENTITY_CLAIM, "")),
        )
        answer = await ctx.run(
            self._federated_session,
            there.refreshed(),
            RoleArn,
            _ACTION,
            who,
            DurationSeconds,
            Policy,
            PolicyArns,
        )
        return answer | {
            "SubjectFromWebIdentityToken": str(token.claims["sub"]),
            "Provider": provider_arn,
            "Audience": token.audiences[0],
        }

    # ---- steps --------------------------------------------------------------------------------------------------

    def _provider(self, there: Context, token: WebToken) -> tuple[str, dict[str, Any]]:
        arn = f"arn:aws:iam::{there.account}:oidc-provider/{token.issuer}"
        try:
            return arn, self.cloud.iam.get_open_id_connect_provider(there, OpenIDConnectProviderArn=arn)
        except AwsError:
            raise InvalidIdentityToken(
                f"No OpenIDConnect provider found in your account for https://{token.issuer}"
            ) from None


def _check_claims(token: WebToken, provider: Mapping[str, Any], now_s: int) -> None:
    for claim in ("sub", "aud", "exp", "iat"):
        if not token.claims.get(claim):
            raise InvalidIdentityToken(f"Missing a required claim: {claim}")
    if set(token.audiences).isdisjoint(provider["ClientIDList"]):
        raise InvalidIdentityToken("Incorrect token audience")
    expires_s = token.claims["exp"]
    if not isinstance(expires_s, int | float) or expires_s <= now_s:
        raise ExpiredToken(
            f"Token expired: current date/time {now_s} must be before the expiration date/time {expires_s}"
        )


async def _keys_of(token: WebToken, provider: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tags = {tag["Key"]: tag["Value"] for tag in provider.get("Tags", ())}
    address = tags.get(_KEYS_TAG)
    if address is None:
        url = f"https://{provider['Url']}"
        if not is_loopback(urlsplit(url).hostname or ""):
            raise InvalidIdentityToken(
                f"{_NO_KEYS} (Fogbank asks no other machine: give the provider a tag {_KEYS_TAG})"
            )
        address = str((await _document(f"{url}/.well-known/openid-configuration")).get("jwks_uri"))
    keys = (await _document(address)).get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


async def _document(url: str) -> dict[str, Any]:
    if not is_loopback(urlsplit(url).hostname or ""):
        raise InvalidIdentityToken(_NO_KEYS)
    try:
        answer = await send(
            HttpRequest(method="GET", url=url, headers={"accept": "application/json"}),
            read_bytes_max=_DOCUMENT_BYTES_MAX,
            follow_redirects=False,
        )
    except NoAnswer:
        raise InvalidIdentityToken(_NO_KEYS) from None
    document = parse(answer.body)
    if answer.status != 200 or not isinstance(document, dict):
        raise InvalidIdentityToken(_NO_KEYS)
    return document


def _facts_in(token: WebToken) -> dict[str, list[str]]:
    """The claims as condition keys: `provider:sub` and so on."""
    facts = {f"{token.issuer}:{name}".lower(): _texts(value) for name, value in token.claims.items()}
    facts[f"{token.issuer}:aud".lower()] = token.audiences
    if "azp" in token.claims:
        facts[f"{token.issuer}:oaud".lower()] = _texts(token.claims["aud"])
    return facts | {"aws:federatedprovider": [token.issuer]}


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values if not isinstance(one, dict)]


def _tags_in(token: WebToken) -> tuple[dict[str, str], list[str]]:
    """The session tags that the provider gives."""
    given = token.claims.get(_TAGS_CLAIM)
    if not isinstance(given, dict) or not isinstance(given.get("principal_tags"), dict):
        return {}, []
    tags = [{"Key": key, "Value": (_texts(values) or [""])[0]} for key, values in given["principal_tags"].items()]
    return session_tags(None, tags, _texts(given.get("transitive_tag_keys", [])))
