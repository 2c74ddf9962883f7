"""What a website's configuration may say, and where its rules redirect requests to.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fogbank.services.s3.errors import InvalidArgument, InvalidRequest, MalformedXML

Website = Mapping[str, Any]

RULES_MAX = 50


class Redirection:
    """A status and the address that a browser is sent to."""

    def __init__(self, status: int, location: str) -> None:
        self.status = status
        self.location = location


def check(website: Website) -> None:
    everything = website.get("RedirectAllRequestsTo")
    index = website.get("IndexDocument")
    if everything is not None:
        if len(website) > 1:
            raise InvalidArgument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                members={"ArgumentName": "RedirectAllRequestsTo", "ArgumentValue": "not null"},
            )
        _check_protocol(everything)
        return
    if index is None:
        raise InvalidArgument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            members={"ArgumentName": "IndexDocument", "ArgumentValue": "null"},
        )
    if not index["Suffix"] or "/" in index["Suffix"]:
        raise InvalidArgument(
            "The IndexDocument Suffix is not well formed",
            members={"ArgumentName": "IndexDocument", "ArgumentValue": index["Suffix"]},
        )
    if "RoutingRules" in website:
        _check_rules(website["RoutingRules"])


def _check_rules(rules: list[Mapping[str, Any]]) -> None:
    if not rules:
        raise MalformedXML()
    if len(rules) > RULES_MAX:
        raise InvalidRequest(
            f"{len(rules)} routing rules provided, the number of routing rules in a website configuration is limited "
            f"to {RULES_MAX}."
        )
    for rule in rules:
        _check_condition(rule.get("Condition"))
        redirect = rule["Redirect"]
        _check_protocol(redirect)
        if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
            raise InvalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
        code = redirect.get("HttpRedirectCode")
        if code is not None and not _is_code(code, "3", but="300"):
            raise InvalidRequest(
                f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
            )


def _check_condition(condition: Mapping[str, Any] | None) -> None:
    if condition is None:
        return
    if not condition:
        raise InvalidRequest(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't "
            "be present."
        )
    code = condition.get("HttpErrorCodeReturnedEquals")
    if code is not None and not _is_code(code, "45"):
        raise InvalidRequest(f"The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX.")


def _is_code(text: str, classes: str, *, but: str = "") -> bool:
    return len(text) == 3 and text.isdecimal() and text[0] in classes and text != but


def _check_protocol(target: Mapping[str, Any]) -> None:
    if target.get("Protocol", "http") not in ("http", "https"):
        raise InvalidRequest(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically."
        )


def redirection(website: Website, key: str, host: str, *, error_status: int | None) -> Redirection | None:
    """Where the first rule that fits sends a request for `key`: before it is served (no `error_status`), or after it
    failed with one.
    """
    for rule in website.get("RoutingRules", ()):
        condition = rule.get("Condition", {})
        code = condition.get("HttpErrorCodeReturnedEquals")
        prefix = condition.get("KeyPrefixEquals", "")
        if code == (None if error_status is None else str(error_status)) and key.startswith(prefix):
            redirect = rule["Redirect"]
            target = key
            if "ReplaceKeyWith" in redirect:
                target = redirect["ReplaceKeyWith"]
            elif "ReplaceKeyPrefixWith" in redirect:
                target = redirect["ReplaceKeyPrefixWith"] + key.removeprefix(prefix)
            place = f"{redirect.get('Protocol', 'http')}://{redirect.get('HostName', host)}"
            return Redirection(int(redirect.get("HttpRedirectCode", 301)), f"{place}/{quote(target)}")
    return None
