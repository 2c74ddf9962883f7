"""Secrets with a replica, and SecureStrings: what was put can be decrypted, and a replica has what its secret has."""

import asyncio
import random
import uuid
from typing import Any

from tests.crash.kind import Bodies, Client, Kind
from tests.crash.ledger import Ledger, check_allowed
from tests.crash.wire import Wire

REPLICA_REGION = "eu-west-1"
PUTS = 20  # A secret has no more than a hundred versions a day.
PARAMETERS = 5
PAUSE_S = 0.02
_PARAMETER = "/crash/"


async def put_secrets(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    for number in range(1_000_000):
        secret = f"{name}.{number // PUTS}"
        value, before = str(number), next(iter(ledger.secrets.get(secret, {None})))
        ledger.secrets[secret] = {before, value}
        given = {"SecretString": value, "ClientRequestToken": str(uuid.uuid4())}
        if before is None:
            replicas = [{"Region": REPLICA_REGION}]
            await wire.json("secretsmanager", "CreateSecret", Name=secret, AddReplicaRegions=replicas, **given)
        else:
            await wire.json("secretsmanager", "PutSecretValue", SecretId=secret, **given)
        ledger.secrets[secret] = {value}
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S)


async def put_parameters(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    for number in range(1_000_000):
        parameter, value = f"{_PARAMETER}{name}-{rng.randrange(PARAMETERS)}", str(number)
        ledger.secrets[parameter] = {next(iter(ledger.secrets.get(parameter, {None}))), value}
        await wire.json("ssm", "PutParameter", Name=parameter, Value=value, Type="SecureString", Overwrite=True)
        ledger.secrets[parameter] = {value}
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S)


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    secrets = _values(client("secretsmanager"))
    replicas = _values(client("secretsmanager", region=REPLICA_REGION))
    pages = client("ssm").get_paginator("get_parameters_by_path")
    parameters = {
        parameter["Name"]: parameter["Value"]
        for page in pages.paginate(Path=_PARAMETER, WithDecryption=True)
        for parameter in page["Parameters"]
    }
    torn = [f"secrets: {name} and its replica differ" for name in secrets if secrets[name] != replicas.get(name)]
    return check_allowed("secrets", ledger.secrets, secrets | parameters) + torn


def _values(manager: Any) -> dict[str, str]:
    pages = manager.get_paginator("list_secrets").paginate()
    names = [secret["Name"] for page in pages for secret in page["SecretList"]]
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}


KIND = Kind(workers=(put_secrets, put_parameters), copies=1, check=check)
