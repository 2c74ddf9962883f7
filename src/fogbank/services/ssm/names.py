"""The names of parameters, and how requests refer to them: by name or ARN, at a version or a label.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
A name at the top level is the same with a slash before it and without.
"""

import re
from typing import NamedTuple

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.ssm.errors import AccessDenied, HierarchyLevelLimitExceeded, Validation

SECRETS = "/aws/reference/secretsmanager/"
_PUBLIC = "/aws/service/"
_LENGTH_MAX = 1011
_LEVELS_MAX = 15
_NAME = re.compile(r"(?:/?[A-Za-z0-9_.-]+|(?:/[A-Za-z0-9_.-]+){2,})")
_PATH = re.compile(r"/|(?:/[A-Za-z0-9_.-]+)+/?")
_SENTENCE = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)
_PATH_SENTENCE = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "
    '"/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" (case-insensitive). It must use only letters, numbers, or '
    "the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All "
    'sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
)


class Reference(NamedTuple):
    """What a request asks for; `selector` is a version's number or a label, or empty for the present version."""

    account: str
    region: str
    name: str
    selector: str = ""


def refer(ctx: Context, text: str) -> Reference:
    """What a request refers to, be it a name that there can be or not."""
    arn = parse_arn(text) if text.startswith("arn:") else None
    if arn is not None:
        name, _, selector = arn.resource.removeprefix("parameter").partition(":")
        name = name if name.count("/") > 1 else name.removeprefix("/")
        account, region = arn.account, arn.region
    else:
        name, _, selector = text.strip().partition(":")
        account, region = ctx.account, ctx.region
    return Reference(account, region, name, selector)


def read(ctx: Context, text: str) -> Reference:
    """A reference to a parameter, or to a secret by `/aws/reference/secretsmanager/`."""
    found = refer(ctx, text)
    name = found.name
    if name.startswith(_PUBLIC):
        raise NotImplementedInFogbank(f"Fogbank has none of AWS's public parameters: {name}")
    if not name.startswith(SECRETS) and (not _NAME.fullmatch(name) or _reserved(name, "ssm")):
        raise Validation(_SENTENCE)
    if ":" in found.selector:
        raise Validation(_SENTENCE)
    return found


def check_new_name(name: str) -> None:
    if _reserved(name, "aws"):
        raise AccessDenied(f"No access to reserved parameter name: {name}.")
    if "/" in name and not name.startswith("/"):
        raise Validation("Parameter name must be a fully qualified name.")
    if not _NAME.fullmatch(name) or _reserved(name, "ssm"):
        raise Validation(_SENTENCE)
    if len(name) > _LENGTH_MAX:  # AWS's sentence is not recorded.
        raise Validation(f"Parameter name can't be longer than {_LENGTH_MAX} characters.")
    if levels(name) > _LEVELS_MAX:
        raise HierarchyLevelLimitExceeded()


def check_path(path: str) -> None:
    if path.startswith(_PUBLIC):
        raise NotImplementedInFogbank(f"Fogbank has none of AWS's public parameters: {path}")
    if not _PATH.fullmatch(path) or _reserved(path, "ssm"):
        raise Validation(_PATH_SENTENCE)


def levels(name: str) -> int:
    return name.lstrip("/").count("/") + 1


def lies_under(name: str, path: str, *, recursive: bool) -> bool:
    folder, qualified = path.rstrip("/") + "/", qualified_name(name)
    return qualified.startswith(folder) and (recursive or "/" not in qualified[len(folder) :])


def qualified_name(name: str) -> str:
    """The name with a slash before it."""
    return name if name.startswith("/") else f"/{name}"


def other_form(name: str) -> str:
    """The other way to write a name at the top level; of any other it is the same."""
    if levels(name) > 1:
        return name
    return name.removeprefix("/") if name.startswith("/") else f"/{name}"


def parameter_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:ssm:{region}:{account}:parameter{qualified_name(name)}"


def _reserved(name: str, prefix: str) -> bool:
    return name.lstrip("/").lower().startswith(prefix)
