"""What browsers are told of a function URL: https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html"""

from collections.abc import Mapping
from typing import Any

Headers = list[tuple[str, str]]
_PREFIX = "access-control-"


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_headers(cors: Mapping[str, Any], headers: Mapping[str, str]) -> Headers:
    """The answer to a preflight request; without headers if the request would not be allowed."""
    told = answer_headers(cors, headers)
    if not told:
        return []
    methods = cors.get("AllowMethods") or []
    if "*" not in methods and headers["access-control-request-method"].upper() not in methods:
        return []
    told.append(("Access-Control-Allow-Methods", ",".join(methods)))
    if allowed := cors.get("AllowHeaders"):
        told.append(("Access-Control-Allow-Headers", ",".join(allowed)))
    if (max_age := cors.get("MaxAge")) is not None:
        told.append(("Access-Control-Max-Age", str(max_age)))
    return told


def answer_headers(cors: Mapping[str, Any], headers: Mapping[str, str]) -> Headers:
    """What goes with every answer to an origin that is allowed."""
    origin = headers.get("origin")
    origins = cors.get("AllowOrigins") or []
    if origin is None or not ("*" in origins or origin in origins):
        return []
    credentials = bool(cors.get("AllowCredentials"))
    # Browsers take no `*` where credentials are allowed.
    told = [("Access-Control-Allow-Origin", "*" if "*" in origins and not credentials else origin)]
    if told[0][1] != "*":
        told.append(("Vary", "Origin"))
    if credentials:
        told.append(("Access-Control-Allow-Credentials", "true"))
    if exposed := cors.get("ExposeHeaders"):
        told.append(("Access-Control-Expose-Headers", ",".join(exposed)))
    return told


def without_cors(headers: Headers) -> Headers:
    """What a function says of origins itself does not count where its URL is configured."""
    return [(name, value) for name, value in headers if not name.lower().startswith(_PREFIX)]
