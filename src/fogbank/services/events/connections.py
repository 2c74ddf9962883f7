"""Connections: how API destinations authenticate themselves.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection.html
A connection's secrets are kept in Secrets Manager, in a secret that EventBridge manages; its own record has what is no
secret, as answers do.
"""

import base64
import uuid
from typing import Any
from urllib.parse import urlencode

from fogbank.core import json_text
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.http_client import HttpAnswer, HttpRequest, NoAnswer, send
from fogbank.core.outbox import RetryPolicy
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.services.events.base import EventsBase
from fogbank.services.events.connection_secrets import OWNER, PARAMETERS_OF, from_secret, secret_name, to_secret
from fogbank.services.events.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from fogbank.services.events.records import Authorize, Connection

# In either case, as recorded, other than the model says.
_OAUTH_METHODS = ("GET", "POST", "PUT")
_SECRETS = frozenset({"Password", "ApiKeyValue", "ClientSecret"})
# A token is renewed this long before it ends, so that a request on its way is still good.
_RENEWED_BEFORE_MS = 60_000
_TOKEN_LIFE_S = 3600  # For a token endpoint that does not say.


class AuthorizationFailed(AwsError):
    """The token endpoint gave no token, or the connection is not authorized."""

    code = "AuthorizationFailed"


class Connections(EventsBase):
    """The operations on connections of `EventsService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        retry = RetryPolicy(attempts_max=5)
        cloud.outbox.handler(
            "events.authorize", self._authorize, payload=Authorize, retry=retry, on_exhausted=self._not_authorized
        )

    def create_connection(
        self,
        ctx: Context,
        *,
        Name: str,
        AuthorizationType: str,
        AuthParameters: dict[str, Any],
        Description: str | None = None,
    ) -> Answer:
        key = (ctx.account, ctx.region, Name)
        if self.connections.get(key) is not None:
            raise ResourceAlreadyExists(f"Connection {Name} already exists.")
        _check(AuthorizationType, AuthParameters)
        connection = Connection(
            id=str(uuid.uuid4()),
            authorization_type=AuthorizationType,
            auth=_public(AuthParameters),
            description=Description or "",
            state="AUTHORIZED",
            created_ms=ctx.now_ms,
            modified_ms=ctx.now_ms,
            authorized_ms=ctx.now_ms,
            secret_suffix="",
        )
        self._keep_secret(ctx, Name, connection, AuthParameters)
        self._save_connection(ctx, Name, connection)
        answer = _state(ctx, Name, connection)
        del answer["LastAuthorizedTime"]
        return answer

    def deauthorize_connection(self, ctx: Context, *, Name: str) -> Answer:
        connection = self._connection(ctx, Name, "deauthorize")
        self._drop_secret(ctx, connection)
        connection.auth, connection.token = _public(connection.auth), ""
        connection.state = "DEAUTHORIZED"
        connection.modified_ms = ctx.now_ms
        self.connections.put((ctx.account, ctx.region, Name), connection)
        return _state(ctx, Name, connection) | {"ConnectionState": "DEAUTHORIZING"}

    def delete_connection(self, ctx: Context, *, Name: str) -> Answer:
        connection = self._connection(ctx, Name, "delete")
        self._drop_secret(ctx, connection)
        self.connections.delete((ctx.account, ctx.region, Name))
        return _state(ctx, Name, connection) | {"ConnectionState": "DELETING"}

    def describe_connection(self, ctx: Context, *, Name: str) -> Answer:
        connection = self._connection(ctx, Name, "describe")
        answer = _listed(ctx, Name, connection) | {"AuthParameters": _public(connection.auth)}
        if connection.secret_arn:
            answer["SecretArn"] = connection.secret_arn
        if connection.description:
            answer["Description"] = connection.description
        return answer

    def list_connections(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        ConnectionState: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        found = {
            key[2]: connection
            for key, connection in self.connections.scan((ctx.account, ctx.region))
            if key[2].startswith(NamePrefix or "") and ConnectionState in (None, connection.state)
        }
        names, token = page(list(found), NextToken, Limit)
        return {"Connections": [_listed(ctx, name, found[name]) for name in names], **token}

    def update_connection(
        self,
        ctx: Context,
        *,
        Name: str,
        AuthorizationType: str | None = None,
        AuthParameters: dict[str, Any] | None = None,
        Description: str | None = None,
    ) -> Answer:
        connection = self._connection(ctx, Name, "update")
        kind = AuthorizationType or connection.authorization_type
        kept = self._auth(ctx, connection) if kind == connection.authorization_type else {}
        auth = _merged(kept, AuthParameters or {})
        _check(kind, auth)
        connection.authorization_type, connection.auth = kind, _public(auth)
        self._keep_secret(ctx, Name, connection, auth)
        connection.description = connection.description if Description is None else Description
        connection.modified_ms = connection.authorized_ms = ctx.now_ms
        connection.state, connection.state_reason, connection.token = "AUTHORIZED", "", ""
        self._save_connection(ctx, Name, connection)
        return _state(ctx, Name, connection)

    # ---- authorizing requests --------------------------------------------------------------------------

    async def authorization(self, ctx: Context, name: str) -> tuple[dict[str, Any], dict[str, str]]:
        """AuthParameters, and the headers that authorize a request. Raises AuthorizationFailed."""
        connection = self.connections.get((ctx.account, ctx.region, name))
        if connection is None or connection.state == "DEAUTHORIZED":
            raise AuthorizationFailed("the connection is not authorized")
        auth = await ctx.run(self._auth, ctx, connection)
        match connection.authorization_type:
            case "BASIC":
                basic = auth["BasicAuthParameters"]
                pair = f"{basic['Username']}:{basic['Password']}".encode()
                return auth, {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
            case "API_KEY":
                key = auth["ApiKeyAuthParameters"]
                return auth, {key["ApiKeyName"]: key["ApiKeyValue"]}
            case _:
                if not connection.token or connection.token_expires_ms - _RENEWED_BEFORE_MS <= ctx.now_ms:
                    await self._renew(ctx, name, connection, auth)
                return auth, {"Authorization": f"Bearer {connection.token}"}

    async def _renew(self, ctx: Context, name: str, connection: Connection, auth: dict[str, Any]) -> None:
        """Ask the token endpoint, and keep what it gives unless the connection has changed meanwhile."""
        token, life_s = await _fetch_token(auth["OAuthParameters"])
        connection.token, connection.token_expires_ms = token, ctx.now_ms + int(life_s * 1000)
        connection.state, connection.authorized_ms = "AUTHORIZED", ctx.now_ms

        def keep() -> None:
            key = (ctx.account, ctx.region, name)
            now = self.connections.get(key)
            if now is not None and (now.id, now.modified_ms) == (connection.id, connection.modified_ms):
                self.connections.put(key, connection)

        await ctx.run(keep)

    async def _authorize(self, ctx: Context, payload: Authorize) -> None:
        connection = self.connections.get((ctx.account, ctx.region, payload.name))
        if connection is not None and connection.id == payload.id and connection.state == "AUTHORIZING":
            await self._renew(ctx, payload.name, connection, await ctx.run(self._auth, ctx, connection))

    def _not_authorized(self, ctx: Context, payload: Authorize, error: Exception) -> None:
        key = (ctx.account, ctx.region, payload.name)
        connection = self.connections.get(key)
        if connection is not None and connection.id == payload.id and connection.state == "AUTHORIZING":
            connection.state, connection.state_reason = "DEAUTHORIZED", str(error)[:512]
            self.connections.put(key, connection)

    # ---- secrets ---------------------------------------------------------------------------------------

    def take_over_secrets(self) -> None:
        """Move to Secrets Manager what connections of an earlier version keep in their records."""
        for key, connection in list(self.connections.scan()):
            if not connection.secret_arn and connection.state != "DEAUTHORIZED":
                ctx = self.cloud.context(account=str(key[0]), region=str(key[1]))
                self._keep_secret(ctx, str(key[2]), connection, connection.auth)
                connection.auth = _public(connection.auth)
                self.connections.put(key, connection)

    def _auth(self, ctx: Context, connection: Connection) -> dict[str, Any]:
        """AuthParameters with the secrets. Raises AuthorizationFailed."""
        if not connection.secret_arn:
            return connection.auth
        try:
            answer = self.cloud.secretsmanager.get_secret_value(ctx, SecretId=connection.secret_arn)
        except AwsError as error:
            raise AuthorizationFailed(f"the connection's secret cannot be read: {error.message}") from error
        return from_secret(connection.authorization_type, answer["SecretString"])

    def _keep_secret(self, ctx: Context, name: str, connection: Connection, auth: dict[str, Any]) -> None:
        manager, text = self.cloud.secretsmanager, to_secret(connection.authorization_type, auth)
        if connection.secret_arn:
            manager.put_managed_secret_value(ctx, connection.secret_arn, text)
        else:
            new_name = secret_name(name, str(uuid.uuid4()))
            connection.secret_arn = manager.create_managed_secret(ctx, new_name, text, owner=OWNER)

    def _drop_secret(self, ctx: Context, connection: Connection) -> None:
        if connection.secret_arn:
            self.cloud.secretsmanager.delete_managed_secret(ctx, connection.secret_arn)
            connection.secret_arn = ""

    # ---- shared ----------------------------------------------------------------------------------------

    def _save_connection(self, ctx: Context, name: str, connection: Connection) -> None:
        """Store it; one of OAuth is authorized behind the answer, by a first token."""
        if connection.authorization_type == "OAUTH_CLIENT_CREDENTIALS":
            connection.state = "AUTHORIZING"
            self.cloud.outbox.put(ctx, "events.authorize", lane=connection.id, payload=Authorize(name, connection.id))
        self.connections.put((ctx.account, ctx.region, name), connection)

    def _connection(self, ctx: Context, name: str, verb: str) -> Connection:
        connection = self.connections.get((ctx.account, ctx.region, name))
        if connection is None:
            raise ResourceNotFound(f"Failed to {verb} the connection(s). Connection '{name}' does not exist.")
        return connection


def http_parameters(auth: dict[str, Any], kind: str) -> dict[str, str]:
    """The `HeaderParameters`, `QueryStringParameters` or `BodyParameters` that a connection adds to each request."""
    given = auth.get("InvocationHttpParameters") or {}
    return _pairs(given, kind)


def _pairs(parameters: dict[str, Any], kind: str) -> dict[str, str]:
    return {item["Key"]: item.get("Value", "") for item in parameters.get(kind) or ()}


async def _fetch_token(oauth: dict[str, Any]) -> tuple[str, float]:
    """A token of the client credentials grant, and for how many seconds it is good."""
    extra = oauth.get("OAuthHttpParameters") or {}
    client = oauth["ClientParameters"]
    fields = {
        "grant_type": "client_credentials",
        "client_id": client["ClientID"],
        "client_secret": client["ClientSecret"],
        **_pairs(extra, "BodyParameters"),
    }
    query = _pairs(extra, "QueryStringParameters")
    headers = {"Content-Type": "application/x-www-form-urlencoded", **_pairs(extra, "HeaderParameters")}
    method, url = oauth["HttpMethod"].upper(), oauth["AuthorizationEndpoint"]
    if method == "GET":
        query |= fields
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    body = None if method == "GET" else urlencode(fields).encode()
    try:
        answer = await send(HttpRequest(method=method, url=url, headers=headers, body=body))
    except NoAnswer as error:
        raise AuthorizationFailed(str(error)) from error
    return _token_in(answer)


def _token_in(answer: HttpAnswer) -> tuple[str, float]:
    if answer.status >= 300:
        raise AuthorizationFailed(f"the authorization endpoint answered with status {answer.status}")
    given = json_text.parse(answer.body)
    if not isinstance(given, dict) or not isinstance(given.get("access_token"), str):
        raise AuthorizationFailed("the authorization endpoint gave no access_token")
    life_s = given.get("expires_in", _TOKEN_LIFE_S)
    return given["access_token"], float(life_s) if isinstance(life_s, int | float) else _TOKEN_LIFE_S


def _check(kind: str, auth: dict[str, Any]) -> None:
    method = auth.get("OAuthParameters", {}).get("HttpMethod", "POST")
    if not isinstance(method, str) or method.upper() not in _OAUTH_METHODS:
        raise InvalidParameter(
            f"1 validation error detected: Value '{method}' at 'authParameters.oAuthParameters.httpMethod' failed to "
            f"satisfy constraint: Member must satisfy enum value set: [{', '.join(_OAUTH_METHODS)}]"
        )
    if "ConnectivityParameters" in auth:
        raise NotImplementedInFogbank("ConnectivityParameters of connections are not implemented in Fogbank.")
    wanted = PARAMETERS_OF[kind]
    given = [member for member in PARAMETERS_OF.values() if member in auth]
    if given != [wanted]:
        raise InvalidParameter(f"Parameter(s) {wanted} must be specified for authorization type {kind}, and no other.")


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What an update leaves out stays as it is."""
    merged = dict(old)
    for member, value in new.items():
        before = merged.get(member)
        merged[member] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _public(value: Any) -> Any:
    """AuthParameters without the secrets."""
    if isinstance(value, list):
        return [_public(item) for item in value]
    if not isinstance(value, dict):
        return value
    hidden = _SECRETS | ({"Value"} if value.get("IsValueSecret") else set())
    return {member: _public(inner) for member, inner in value.items() if member not in hidden}


def connection_arn(ctx: Context, name: str, connection: Connection) -> str:
    return ctx.arn("events", f"connection/{name}/{connection.id}")


def _state(ctx: Context, name: str, connection: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": connection_arn(ctx, name, connection),
        "ConnectionState": connection.state,
        "CreationTime": connection.created_ms / 1000,
        "LastModifiedTime": connection.modified_ms / 1000,
        "LastAuthorizedTime": connection.authorized_ms / 1000,
    }


def _listed(ctx: Context, name: str, connection: Connection) -> dict[str, Any]:
    answer = _state(ctx, name, connection) | {"Name": name, "AuthorizationType": connection.authorization_type}
    if connection.state_reason:
        answer["StateReason"] = connection.state_reason
    return answer
