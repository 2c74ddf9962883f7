"""Which rule of a CORS configuration fits a request, and what the answer then says.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from collections.abc import Mapping
from typing import Any

from fogbank.services.s3.errors import InvalidRequest, MalformedXML

Rule = Mapping[str, Any]

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
RULES_MAX = 100
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def check_rules(rules: list[Rule]) -> None:
    if not rules:
        raise MalformedXML()
    if len(rules) > RULES_MAX:
        raise InvalidRequest("The number of CORS rules should not exceed allowed limit of 100 rules.")
    for rule in rules:
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise InvalidRequest(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
        for name in ("AllowedOrigin", "AllowedHeader"):
            for pattern in rule.get(f"{name}s", ()):
                if pattern.count("*") > 1:
                    raise InvalidRequest(f'{name} "{pattern}" can not have more than one wildcard.')
        for header in rule.get("ExposeHeaders", ()):
            if "*" in header:
                raise InvalidRequest(
                    f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
                )


def answer_headers(rules: list[Rule], method: str, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the answer to a request with an Origin says by the first rule that fits it; nothing if none does.

    Headers that ask as a preflight request does are heeded in every request, as AWS was recorded to do.
    """
    origin = headers["origin"]
    method = headers.get("access-control-request-method", method)
    asked = [name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")]
    asked = [name for name in asked if name]
    for rule in rules:
        allowed = next((pattern for pattern in rule["AllowedOrigins"] if _fits(pattern, origin)), None)
        if allowed is None or method not in rule["AllowedMethods"]:
            continue
        patterns = [pattern.lower() for pattern in rule.get("AllowedHeaders", ())]
        if all(any(_fits(pattern, name) for pattern in patterns) for name in asked):
            return _answer(rule, "*" if allowed == "*" else origin, asked)
    return []


def _answer(rule: Rule, origin: str, asked: list[str]) -> list[tuple[str, str]]:
    found = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if asked:
        found.append(("Access-Control-Allow-Headers", ", ".join(asked)))
    if rule.get("ExposeHeaders"):
        found.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if rule.get("MaxAgeSeconds") is not None:
        found.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    if origin != "*":
        found.append(("Access-Control-Allow-Credentials", "true"))
    found.append(("Vary", _VARY))
    return found


def _fits(pattern: str, text: str) -> bool:
    before, star, behind = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(behind) and text.startswith(before) and text.endswith(behind)
