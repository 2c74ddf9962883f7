"""Client tokens: a request that comes again with its token is not done again.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
"""

from fogbank.core.context import Context
from fogbank.core.digest import request_digest
from fogbank.core.store import Record, Store
from fogbank.services.scheduler.errors import Conflict

# AWS does not say for how long a token is known.
KNOWN_MS = 8 * 3600 * 1000
_FORGOTTEN_AT_ONCE = 4


class KnownRequest(Record):
    request: bytes
    until_ms: int


class ClientTokens:
    """Remembers updates and deletions. Of creations, what was created knows its token."""

    def __init__(self, store: Store) -> None:
        self._known = store.table("scheduler.client_tokens", key=(str, str, str), value=KnownRequest)
        self._ends = store.table("scheduler.client_token_ends", key=(int, str, str, str), value=bool)

    def is_repeated(self, ctx: Context, token: str, request: object) -> bool:
        """Whether the request was done before; it is remembered if not. Conflict if the token is of another request."""
        if not token:
            return False
        self._forget_some(ctx.now_ms)
        key = (ctx.account, ctx.region, token)
        seen, asked = self._known.get(key), request_digest(request)
        if seen is not None and seen.until_ms > ctx.now_ms:
            if seen.request != asked:
                # AWS's sentence is not recorded.
                raise Conflict(f"The client token {token} was used for another request.")
            return True
        until_ms = ctx.now_ms + KNOWN_MS
        self._known.put(key, KnownRequest(asked, until_ms))
        self._ends.put((until_ms, *key), True)
        return False

    def _forget_some(self, now_ms: int) -> None:
        """Each request makes one token and takes up to some away, so that what has expired does not grow."""
        for key, _ in list(self._ends.scan(limit=_FORGOTTEN_AT_ONCE)):
            if key[0] > now_ms:
                return
            self._ends.delete(key)
            known = self._known.get(key[1:])
            if known is not None and known.until_ms == key[0]:
                self._known.delete(key[1:])
