"""The temporary credentials that a function acts with: of its role, one key for each environment.

An environment cannot be given another key, as its processes were started with the first: so that a key never expires
during an invocation, environments are not used again when their key comes to its end. Environments of one snapshot have
one key, as they share what was made with it when the snapshot was initialized.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.lambda_.pool import Key

KEY_LIFE_S = 12 * 3600
INVOCATION_MAX_S = 900
# A snapshot's environments have a new key, and so another snapshot, when the one before has come to half its life.
SHARED_S = KEY_LIFE_S // 2


class Session(msgspec.Struct, frozen=True):
    access_key: str
    variables: Mapping[str, str]
    """The session as environment variables."""
    issued_ms: int
    usable_until_ms: int
    """Until when an environment that has it may be given invocations."""


class Credentials:
    """Issues keys in the turn that starts an environment, and removes those of environments that have ended."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._ended: list[str] = []
        self._shared: dict[tuple[Key, str], Session] = {}
        self._users: Counter[str] = Counter()

    def issue(self, ctx: Context, role_arn: str, function: str) -> Session:
        """A session of the role in the function's account, for one environment.

        The key is committed with the turn and nobody waits for that: the environment ends with the server.
        """
        # A session's name has two letters or more, a function's may have one.
        name = function if len(function) > 1 else f"{function}@lambda_function"
        with self._cloud.store.transaction():
            _, issued = self._cloud.sts.role_session(ctx, role_arn.rpartition("/")[2], name, KEY_LIFE_S)
        now_ms = self._cloud.clock.now_ms()
        variables = {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }
        usable_until_ms = now_ms + (KEY_LIFE_S - INVOCATION_MAX_S) * 1000
        session = Session(issued["AccessKeyId"], variables, now_ms, usable_until_ms)
        self._users[session.access_key] += 1
        return session

    def share(self, ctx: Context, key: Key, build: str, role_arn: str) -> Session:
        """The session of a version's snapshot, for one more environment that may be forked from it."""
        session = self._shared.get((key, build))
        if session is None or self._cloud.clock.now_ms() >= session.issued_ms + SHARED_S * 1000:
            session = self._shared[key, build] = self.issue(ctx, role_arn, key[2])
        else:
            self._users[session.access_key] += 1
        return session

    def withdraw(self, access_key: str) -> None:
        """An environment has ended: the key goes with the next `remove_ended`, unless others have it."""
        self._users[access_key] -= 1
        if self._users[access_key] > 0:
            return
        del self._users[access_key]
        for whose in [whose for whose, session in self._shared.items() if session.access_key == access_key]:
            del self._shared[whose]
        self._ended.append(access_key)

    def remove_ended(self) -> None:
        if not self._ended:
            return
        with self._cloud.store.transaction():
            for access_key in self._ended:
                self._cloud.access_keys.delete((access_key,))
        self._ended.clear()
