"""The temporary credentials that a function acts with: of its role, one key for each environment.

An environment cannot be given another key, as its processes were started with the first: so that a key never expires
during an invocation, environments are not used again when their key comes to its end.
"""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context

KEY_LIFE_S = 12 * 3600
INVOCATION_MAX_S = 900


class Credentials:
    """Issues keys in the turn that starts an environment, and removes those of environments that have ended."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._ended: list[str] = []

    def issue(self, ctx: Context, role_arn: str, function: str) -> dict[str, str]:
        """A session of the role in the function's account, as environment variables.

        The key is committed with the turn and nobody waits for that: the environment ends with the server.
        """
        # A session's name has two letters or more, a function's may have one.
        session = function if len(function) > 1 else f"{function}@lambda_function"
        with self._cloud.store.transaction():
            _, issued = self._cloud.sts.role_session(ctx, role_arn.rpartition("/")[2], session, KEY_LIFE_S)
        return {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }

    def usable_until_ms(self) -> int:
        """Until when an environment that starts now may be given invocations."""
        return self._cloud.clock.now_ms() + (KEY_LIFE_S - INVOCATION_MAX_S) * 1000

    def withdraw(self, access_key: str) -> None:
        """Its environment has ended: the key goes with the next `remove_ended`."""
        self._ended.append(access_key)

    def remove_ended(self) -> None:
        if not self._ended:
            return
        with self._cloud.store.transaction():
            for access_key in self._ended:
                self._cloud.access_keys.delete((access_key,))
        self._ended.clear()
