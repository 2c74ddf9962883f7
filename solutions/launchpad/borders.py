"""The borders between tenants, tried from outside with every wrong token and every wrong name."""

import base64
import io
import json
import stat
import zipfile
from collections.abc import Callable
from typing import Any

from gateway import Gateway
from population import Function, Tenant

Try = tuple[str, int, Callable[[], int]]


def tried(gateway: Gateway, own: Tenant, other: Tenant) -> list[tuple[str, int, int]]:
    """What was tried, the status that it must have, and the one that it had."""
    theirs, mine = other.functions[-1], own.functions[-1]
    assert own.client is not None
    token = own.client.token

    def ask(method: str, path: str, with_token: str, body: Any = None) -> int:
        return gateway.ask(method, path, body, token=with_token, patient=True).status

    def make(**changed: Any) -> int:
        return ask("POST", f"/tenants/{own.name}/functions", token, {**mine.definition(), "name": "bad", **changed})

    tries: list[Try] = [
        ("no token", 401, lambda: ask("POST", f"{mine.path}/invocations", "")),
        ("a forged signature", 401, lambda: ask("POST", f"{mine.path}/invocations", forged(token))),
        ("a tenant of one's own choice", 401, lambda: ask("POST", f"{theirs.path}/invocations", renamed(token, other))),
        ("no algorithm", 401, lambda: ask("POST", f"{theirs.path}/invocations", unsigned(token, other))),
        ("another tenant's function", 403, lambda: ask("POST", f"{theirs.path}/invocations", token, {})),
        ("another tenant's list", 403, lambda: ask("GET", f"/tenants/{other.name}/functions", token)),
        ("another tenant's code", 403, lambda: ask("PUT", theirs.path, token, theirs.definition())),
        ("another tenant's deletion", 403, lambda: ask("DELETE", theirs.path, token)),
        ("a trial of another's", 403, lambda: ask("POST", f"{theirs.path}/trials", token, {})),
        ("a tenant made by a tenant", 403, lambda: ask("POST", "/tenants", token, {"tenant": "mine"})),
        ("the platform's records", 403, lambda: ask("GET", "/records/any", token)),
        ("a path that climbs", 404, lambda: ask("POST", climbing(own, theirs), token, {})),
        ("a wrong secret", 401, lambda: wrong_secret(gateway, own)),
        ("a zip that climbs", 400, lambda: make(source=None, zip=packed("../../evil.py"))),
        ("a zip with an absolute name", 400, lambda: make(source=None, zip=packed("/etc/evil.py"))),
        ("a zip with a link", 400, lambda: make(source=None, zip=packed("link", mode=stat.S_IFLNK | 0o777))),
        ("a zip that unpacks to 200 MB", 400, lambda: make(source=None, zip=packed("zeros", size=200 << 20))),
        ("no zip", 400, lambda: make(source=None, zip=base64.b64encode(b"no zip").decode())),
        ("more memory than there is", 400, lambda: make(memory_mb=10_240)),
        ("a field of nobody", 400, lambda: make(inputs={"all": "everything"})),
    ]  # fmt: skip
    return [(what, must, attempt()) for what, must, attempt in tries]


def forged(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[::-1]}"


def renamed(token: str, other: Tenant) -> str:
    header, claims, signature = token.split(".")
    return f"{header}.{changed(claims, tenant=other.name)}.{signature}"


def unsigned(token: str, other: Tenant) -> str:
    header, claims, _ = token.split(".")
    return f"{changed(header, alg='none')}.{changed(claims, tenant=other.name)}.AAAA"


def changed(part: str, **values: str) -> str:
    document = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return base64.urlsafe_b64encode(json.dumps({**document, **values}).encode()).rstrip(b"=").decode()


def climbing(own: Tenant, theirs: Function) -> str:
    name = f"..%2F..%2F{theirs.tenant.name}%2Ffunctions%2F{theirs.name}"
    return f"/tenants/{own.name}/functions/{name}/invocations"


def wrong_secret(gateway: Gateway, tenant: Tenant) -> int:
    basic = base64.b64encode(f"{tenant.name}:guessed".encode()).decode()
    return gateway.ask("POST", "/oauth/token", form="grant_type=client_credentials", basic=basic).status


def packed(name: str, *, mode: int = 0, size: int = 10) -> str:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = mode << 16
        archive.writestr(entry, b"\0" * size)
    return base64.b64encode(data.getvalue()).decode()
