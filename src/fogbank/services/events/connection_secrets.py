"""What a connection's secret in Secrets Manager says, and back.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
"""

from typing import Any

import msgspec

OWNER = "events"

# Where each authorization type has its parameters.
PARAMETERS_OF = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
}
_NAMES = {
    "username": "Username",
    "password": "Password",
    "api_key_name": "ApiKeyName",
    "api_key_value": "ApiKeyValue",
    "authorization_endpoint": "AuthorizationEndpoint",
    "http_method": "HttpMethod",
    "oauth_http_parameters": "OAuthHttpParameters",
    "invocation_http_parameters": "InvocationHttpParameters",
    "header_parameters": "HeaderParameters",
    "query_string_parameters": "QueryStringParameters",
    "body_parameters": "BodyParameters",
    "key": "Key",
    "value": "Value",
    "is_value_secret": "IsValueSecret",
    "client_id": "ClientID",
    "client_secret": "ClientSecret",
}
_SECRET_NAMES = {name: secret_name for secret_name, name in _NAMES.items()}
_CLIENT = ("client_id", "client_secret")
_INVOCATION = "invocation_http_parameters"


def secret_name(connection: str, unique: str) -> str:
    return f"events!connection/{connection}/{unique}"


def to_secret(kind: str, auth: dict[str, Any]) -> str:
    """The secret's text for AuthParameters: those of the authorization type side by side."""
    own = dict(auth[PARAMETERS_OF[kind]])
    own |= own.pop("ClientParameters", {})
    if "InvocationHttpParameters" in auth:
        own["InvocationHttpParameters"] = auth["InvocationHttpParameters"]
    return msgspec.json.encode(_renamed(own, _SECRET_NAMES)).decode()


def from_secret(kind: str, text: str) -> dict[str, Any]:
    """AuthParameters of the secret's text."""
    document: dict[str, Any] = msgspec.json.decode(text)
    client = {name: document.pop(name) for name in _CLIENT if name in document}
    invocation = document.pop(_INVOCATION, None)
    own = _renamed(document, _NAMES)
    if client:
        own["ClientParameters"] = _renamed(client, _NAMES)
    auth = {PARAMETERS_OF[kind]: own}
    return auth if invocation is None else auth | {"InvocationHttpParameters": _renamed(invocation, _NAMES)}


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names[name]: _renamed(inner, names) for name, inner in value.items()}
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value
