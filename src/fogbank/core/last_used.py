"""When access keys and roles were last used: noted with each request that is authenticated, and kept a minute later.

AWS tells it with a delay of hours. A crash may lose the last minute.
"""

from typing import TYPE_CHECKING

from fogbank.core.store import Record

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud
    from fogbank.core.context import Context

_KEPT_AFTER_MS = 60_000


class Use(Record):
    at_ms: int
    service: str
    region: str


class LastUsed:
    """The record of one cloud: of lasting keys by their ids, of roles by `role/` and their names."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._uses = cloud.store.table("core.last_used", key=(str, str), value=Use)
        self._noted: dict[str, tuple[int, str, str]] = {}

    def note(self, ctx: "Context", access_key: str, service: str) -> None:
        """The key signs a request. This is on every request's way, so that it only remembers."""
        if not self._noted:
            self._cloud.clock.call_at(ctx.now_ms + _KEPT_AFTER_MS, self.flush)
        self._noted[access_key] = (ctx.now_ms, service, ctx.region)

    def of(self, account: str, subject: str) -> Use | None:
        return self._uses.get((account, subject))

    def forget(self, account: str, subject: str) -> None:
        self._uses.delete((account, subject))

    def flush(self) -> None:
        noted, self._noted = self._noted, {}
        if not noted:
            return
        with self._cloud.store.transaction():
            for access_key, (at_ms, service, region) in noted.items():
                key = self._cloud.access_keys.peek((access_key,))
                if key is None:
                    continue
                use = Use(at_ms, service, region)
                if not key.session_token:
                    self._uses.put((key.account, access_key), use)
                elif ":assumed-role/" in key.principal_arn:
                    role = key.principal_arn.split("/")[1]
                    self._uses.put((key.account, f"role/{role}"), use)
