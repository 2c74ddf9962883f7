"""What API Gateway gives to templates: `$input` and `$util`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from fogbank.core.json_text import NOT_JSON, parse
from fogbank.services.apigateway.json_path import find
from fogbank.services.apigateway.vtl.errors import TemplateError
from fogbank.services.apigateway.vtl.values import Scope, to_text


class Input(Scope):
    """`$input`: a body, and the request's parameters by their place."""

    methods = frozenset(("json", "path", "params"))

    def __init__(self, body: str, params: Mapping[str, dict[str, str]]) -> None:
        self._body = body
        self._params = params
        self._document: Any = None
        self._read = False

    def prop(self, name: str) -> Any:
        return self._body if name == "body" else None

    def json(self, path: str = "$") -> str:
        found = self.path(path)
        return '""' if found is None else json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def path(self, path: str = "$") -> Any:
        if not self._read:
            document = parse(self._body) if self._body else {}
            self._document, self._read = None if document is NOT_JSON else document, True
        try:
            return find(self._document, path)
        except ValueError as error:
            raise TemplateError(str(error)) from None

    def params(self, name: str | None = None) -> Any:
        if name is None:
            return {place: dict(values) for place, values in self._params.items()}
        for place in ("path", "querystring"):
            if name in self._params[place]:
                return self._params[place][name]
        return next((value for key, value in self._params["header"].items() if key.lower() == name.lower()), "")


class Util(Scope):
    """`$util`"""

    methods = frozenset(("escapeJavaScript", "parseJson", "urlEncode", "urlDecode", "base64Encode", "base64Decode"))

    def escape_java_script(self, value: Any) -> str:
        return "".join(map(_escaped, to_text(value)))

    def parse_json(self, value: Any) -> Any:
        document = parse(to_text(value))
        if document is NOT_JSON:
            raise TemplateError("$util.parseJson was not given JSON")
        return document

    def url_encode(self, value: Any) -> str:
        return quote_plus(to_text(value), safe="*").replace("~", "%7E")

    def url_decode(self, value: Any) -> str:
        return unquote_plus(to_text(value))

    def base64_encode(self, value: Any) -> str:
        return base64.b64encode(to_text(value).encode()).decode()

    def base64_decode(self, value: Any) -> str:
        return base64.b64decode(to_text(value)).decode("utf-8", "replace")


_ESCAPES = {
    "'": "\\'",
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))
