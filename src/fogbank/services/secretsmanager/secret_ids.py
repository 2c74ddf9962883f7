"""How requests name a secret: by its name, its ARN, or its ARN without the random end."""

import re
from typing import NamedTuple

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.services.secretsmanager.errors import ResourceNotFound, Validation

NAME_MAX = 512
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_SUFFIX = re.compile(r"(.+)-([A-Za-z0-9]{6})")


class SecretId(NamedTuple):
    """`suffix` is empty where the request does not say it."""

    account: str
    region: str
    name: str
    suffix: str = ""


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Validation(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
        )


def read(ctx: Context, secret_id: str) -> SecretId:
    """An ARN whose name ends as if it were followed by the random end is taken for a whole one, as AWS does."""
    if not secret_id.startswith("arn:"):
        check_name(secret_id)
        return SecretId(ctx.account, ctx.region, secret_id)
    arn = parse_arn(secret_id)
    if arn is None or arn.service != "secretsmanager" or not arn.resource.startswith("secret:"):
        raise ResourceNotFound()
    name = arn.resource.removeprefix("secret:")
    check_name(name)
    whole = _SUFFIX.fullmatch(name)
    if whole is None:
        return SecretId(arn.account, arn.region, name)
    return SecretId(arn.account, arn.region, whole[1], whole[2])


def secret_arn(place: tuple[str, str, str], suffix: str) -> str:
    account, region, name = place
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-{suffix}"
