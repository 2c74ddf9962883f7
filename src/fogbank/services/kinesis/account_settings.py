"""Settings of an account. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateAccountSettings.html"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kinesis.base import KinesisBase
from fogbank.services.kinesis.records import Commitment

COMMITMENT_MS = 86_400_000


class AccountSettings(KinesisBase):
    """The operations on the account's settings, of `KinesisService`."""

    def describe_account_settings(self, ctx: Context) -> Answer:
        return _described(self._commitment(ctx), ctx.now_ms)

    def update_account_settings(self, ctx: Context, *, MinimumThroughputBillingCommitment: dict[str, str]) -> Answer:
        """A commitment that is ended within its first day ends with that day; enabling it once more keeps it."""
        commitment = self._commitment(ctx)
        enabled = _is_enabled(commitment, ctx.now_ms)
        if MinimumThroughputBillingCommitment["Status"] == "ENABLED":
            commitment = Commitment(commitment.began_ms if enabled else ctx.now_ms)
        elif enabled and not commitment.ends_ms:
            commitment.ends_ms = max(commitment.began_ms + COMMITMENT_MS, ctx.now_ms)
        self._tables.commitments.put((ctx.account, ctx.region), commitment)
        return _described(commitment, ctx.now_ms)

    def _is_committed(self, ctx: Context) -> bool:
        return _is_enabled(self._commitment(ctx), ctx.now_ms)

    def _commitment(self, ctx: Context) -> Commitment:
        return self._tables.commitments.get((ctx.account, ctx.region)) or Commitment()


def _is_enabled(commitment: Commitment, now_ms: int) -> bool:
    return bool(commitment.began_ms) and not 0 < commitment.ends_ms <= now_ms


def _described(commitment: Commitment, now_ms: int) -> dict[str, Any]:
    enabled = _is_enabled(commitment, now_ms)
    if not commitment.began_ms:
        return {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
    described: dict[str, Any] = {"Status": "DISABLED", "StartedAt": commitment.began_ms / 1000}
    if enabled:
        described["Status"] = "ENABLED_UNTIL_EARLIEST_ALLOWED_END" if commitment.ends_ms else "ENABLED"
        described["EarliestAllowedEndAt"] = (commitment.began_ms + COMMITMENT_MS) / 1000
    else:
        described["EndedAt"] = commitment.ends_ms / 1000
    return {"MinimumThroughputBillingCommitment": described}
