"""Identity providers: OpenID Connect and SAML. STS gives sessions of roles to whom they vouch for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.errors import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page, tagged, with_tags
from fogbank.services.iam.records import IamTables, OpenIdProvider, SamlProvider

CLIENTS_MAX = 100
THUMBPRINTS_MAX = 5
SAML_YEARS = 100  # how long a SAML provider is valid


class Providers(Service):
    """The operations on identity providers of `IamService`."""

    _tables: IamTables

    # ---- OpenID Connect -----------------------------------------------------------------------------------------

    def add_client_id_to_open_id_connect_provider(
        self, ctx: Context, *, OpenIDConnectProviderArn: str, ClientID: str
    ) -> Answer:
        provider = self._openid(ctx, OpenIDConnectProviderArn)
        if ClientID not in provider.clients:
            provider.clients.append(ClientID)
        _check_openid(provider)
        return self._keep_openid(ctx, OpenIDConnectProviderArn, provider)

    def create_open_id_connect_provider(
        self,
        ctx: Context,
        *,
        Url: str,
        ClientIDList: list[str] | None = None,
        ThumbprintList: list[str] | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        if not Url.startswith("https://"):
            raise InvalidInput("Invalid Open ID Connect Provider URL")
        url = Url.removeprefix("https://").rstrip("/")
        arn = f"arn:aws:iam::{ctx.account}:oidc-provider/{url}"
        if self._tables.openid.get((ctx.account, arn)) is not None:
            raise EntityAlreadyExists(f"Provider with url {Url} already exists.")
        provider = OpenIdProvider(url, ClientIDList or [], ThumbprintList or [], ctx.now_ms, tag_map(Tags))
        _check_openid(provider)
        self._keep_openid(ctx, arn, provider)
        return {"OpenIDConnectProviderArn": arn} | tagged(provider.tags)

    def delete_open_id_connect_provider(self, ctx: Context, *, OpenIDConnectProviderArn: str) -> Answer:
        self._tables.openid.delete((ctx.account, OpenIDConnectProviderArn))
        return None

    def get_open_id_connect_provider(self, ctx: Context, *, OpenIDConnectProviderArn: str) -> Answer:
        provider = self._openid(ctx, OpenIDConnectProviderArn)
        return {
            "Url": provider.url,
            "ClientIDList": provider.clients,
            "ThumbprintList": provider.thumbprints,
            "CreateDate": provider.created_ms / 1000,
        } | tagged(provider.tags)

    def list_open_id_connect_provider_tags(
        self,
        ctx: Context,
        *,
        OpenIDConnectProviderArn: str,
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        return page("Tags", tag_list(self._openid(ctx, OpenIDConnectProviderArn).tags), Marker, MaxItems)

    def list_open_id_connect_providers(self, ctx: Context) -> Answer:
        return {"OpenIDConnectProviderList": [{"Arn": key[1]} for key, _ in self._tables.openid.scan((ctx.account,))]}

    def remove_client_id_from_open_id_connect_provider(
        self, ctx: Context, *, OpenIDConnectProviderArn: str, ClientID: str
    ) -> Answer:
        provider = self._openid(ctx, OpenIDConnectProviderArn)
        provider.clients = [client for client in provider.clients if client != ClientID]
        return self._keep_openid(ctx, OpenIDConnectProviderArn, provider)

    def tag_open_id_connect_provider(
        self, ctx: Context, *, OpenIDConnectProviderArn: str, Tags: list[dict[str, str]]
    ) -> Answer:
        provider = self._openid(ctx, OpenIDConnectProviderArn)
        provider.tags = with_tags(provider.tags, Tags)
        return self._keep_openid(ctx, OpenIDConnectProviderArn, provider)

    def untag_open_id_connect_provider(
        self, ctx: Context, *, OpenIDConnectProviderArn: str, TagKeys: list[str]
    ) -> Answer:
        provider = self._openid(ctx, OpenIDConnectProviderArn)
        provider.tags = {key: value for key, value in provider.tags.items() if key not in TagKeys}
        return self._keep_openid(ctx, OpenIDConnectProviderArn, provider)

    def update_open_id_connect_provider_thumbprint(
        self, ctx: Context, *, OpenIDConnectProviderArn: str, ThumbprintList: list[str]
    ) -> Answer:
        provider = self._openid(ctx, OpenIDConnectProviderArn)
        provider.thumbprints = ThumbprintList
        _check_openid(provider)
        return self._keep_openid(ctx, OpenIDConnectProviderArn, provider)

    def _openid(self, ctx: Context, arn: str) -> OpenIdProvider:
        found = self._tables.openid.get((ctx.account, arn))
        if found is None:
            raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn}")
        return found

    def _keep_openid(self, ctx: Context, arn: str, provider: OpenIdProvider) -> Answer:
        self._tables.openid.put((ctx.account, arn), provider)
        return None

    # ---- SAML ---------------------------------------------------------------------------------------------------

    def create_saml_provider(
        self, ctx: Context, *, SAMLMetadataDocument: str, Name: str, Tags: list[dict[str, str]] | None = None
    ) -> Answer:
        arn = f"arn:aws:iam::{ctx.account}:saml-provider/{Name}"
        if self._tables.saml.get((ctx.account, arn)) is not None:
            raise EntityAlreadyExists(f"SAML Provider with name {Name} already exists.")
        provider = SamlProvider(Name, SAMLMetadataDocument, ctx.now_ms, tag_map(Tags))
        self._tables.saml.put((ctx.account, arn), provider)
        return {"SAMLProviderArn": arn} | tagged(provider.tags)

    def delete_saml_provider(self, ctx: Context, *, SAMLProviderArn: str) -> Answer:
        self._saml(ctx, SAMLProviderArn)
        self._tables.saml.delete((ctx.account, SAMLProviderArn))
        return None

    def get_saml_provider(self, ctx: Context, *, SAMLProviderArn: str) -> Answer:
        provider = self._saml(ctx, SAMLProviderArn)
        return {"SAMLMetadataDocument": provider.metadata} | _saml_dates(provider) | tagged(provider.tags)

    def list_saml_provider_tags(
        self, ctx: Context, *, SAMLProviderArn: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._saml(ctx, SAMLProviderArn).tags), Marker, MaxItems)

    def list_saml_providers(self, ctx: Context) -> Answer:
        found = self._tables.saml.scan((ctx.account,))
        return {"SAMLProviderList": [{"Arn": key[1]} | _saml_dates(provider) for key, provider in found]}

    def tag_saml_provider(self, ctx: Context, *, SAMLProviderArn: str, Tags: list[dict[str, str]]) -> Answer:
        provider = self._saml(ctx, SAMLProviderArn)
        provider.tags = with_tags(provider.tags, Tags)
        self._tables.saml.put((ctx.account, SAMLProviderArn), provider)
        return None

    def untag_saml_provider(self, ctx: Context, *, SAMLProviderArn: str, TagKeys: list[str]) -> Answer:
        provider = self._saml(ctx, SAMLProviderArn)
        provider.tags = {key: value for key, value in provider.tags.items() if key not in TagKeys}
        self._tables.saml.put((ctx.account, SAMLProviderArn), provider)
        return None

    def update_saml_provider(
        self, ctx: Context, *, SAMLProviderArn: str, SAMLMetadataDocument: str | None = None
    ) -> Answer:
        provider = self._saml(ctx, SAMLProviderArn)
        provider.metadata = SAMLMetadataDocument or provider.metadata
        self._tables.saml.put((ctx.account, SAMLProviderArn), provider)
        return {"SAMLProviderArn": SAMLProviderArn}

    def _saml(self, ctx: Context, arn: str) -> SamlProvider:
        found = self._tables.saml.get((ctx.account, arn))
        if found is None:
            raise NoSuchEntity(f"SAML Provider {arn} does not exist.")
        return found


def _check_openid(provider: OpenIdProvider) -> None:
    if len(provider.clients) > CLIENTS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENTS_MAX}")
    if len(provider.thumbprints) > THUMBPRINTS_MAX:
        raise InvalidInput("Thumbprint list must contain fewer than 5 entries.")


def _saml_dates(provider: SamlProvider) -> dict[str, Any]:
    created_s = provider.created_ms / 1000
    return {"CreateDate": created_s, "ValidUntil": created_s + SAML_YEARS * 365.25 * 86_400}
