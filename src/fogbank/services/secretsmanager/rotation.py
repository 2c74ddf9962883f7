"""Rotation: a function makes, sets, tests and finishes a new version of a secret, when the rules say so.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
A rotation is a row of the outbox. One that fails is begun again with its first step, a few times, and then in the next
window; until it is done its version keeps AWSPENDING, which is how AWS tells that it is not.
"""

import json
import logging
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.outbox import RetryPolicy
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.service import Answer
from fogbank.core.store import Record
from fogbank.services.secretsmanager.base import Found, check_unmanaged
from fogbank.services.secretsmanager.errors import AccessDenied, InvalidParameter, InvalidRequest
from fogbank.services.secretsmanager.records import Place
from fogbank.services.secretsmanager.rotation_schedule import check_rules, next_window
from fogbank.services.secretsmanager.stages import CURRENT, PENDING
from fogbank.services.secretsmanager.versions import NO_TOKEN, Versions

log = logging.getLogger("fogbank.secretsmanager")

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_TEST_STEPS = ("testSecret",)
_RETRY = RetryPolicy(attempts_max=5, first_delay_s=60, delay_max_s=900)
_PRINCIPAL = "secretsmanager.amazonaws.com"


class RotationRun(Record):
    """A rotation that was begun."""

    account: str
    region: str
    name: str
    version: str


class RotationFailed(AwsError):
    code = "RotationFailed"


class RotationOperations(Versions):
    """The operations on rotation, of `SecretsManagerService`, and what they do."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._rotations = Alarms(cloud, "secretsmanager.rotations", key=(str, str, str), ring=self._window_opens)
        cloud.outbox.handler(
            "secretsmanager.rotate", self._rotate, payload=RotationRun, retry=_RETRY, on_exhausted=self._gave_up
        )

    def cancel_rotate_secret(self, ctx: Context, *, SecretId: str) -> Answer:
        """A rotation under way ends before its next step; the version that it made keeps its labels."""
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        rotation = found.secret.rotation
        if not rotation.function:
            raise InvalidRequest("No Lambda rotation function ARN is associated with this secret.")
        answer = found.answer
        if rotation.pending:
            answer["VersionId"] = rotation.pending
        rotation.enabled, rotation.pending = False, ""
        self._unplan_rotation(found)
        self._save(ctx, found)
        return answer

    async def rotate_secret(
        self,
        ctx: Context,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        RotationLambdaARN: str | None = None,
        RotationRules: dict[str, Any] | None = None,
        RotateImmediately: bool = True,
    ) -> Answer:
        if not ClientRequestToken:
            raise InvalidParameter(NO_TOKEN)
        begun: Answer | None = await ctx.run(
            self._begin,
            ctx,
            SecretId,
            ClientRequestToken,
            RotationLambdaARN,
            RotationRules,
            immediately=RotateImmediately,
        )
        if begun is None:
            raise InvalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
        return begun

    # ---- beginning ----------------------------------------------------------------------------------------------

    def _begin(
        self,
        ctx: Context,
        secret_id: str,
        token: str,
        function: str | None,
        rules: dict[str, Any] | None,
        *,
        immediately: bool,
    ) -> Answer | None:
        """Begin a rotation; None if one is under way, which is then tried again."""
        found = self._writable(ctx, secret_id)
        check_unmanaged(found)
        secret, rotation = found.secret, found.secret.rotation
        rotation.function = function or rotation.function
        if not rotation.function:
            raise InvalidRequest("No Lambda rotation function ARN is associated with this secret.")
        if rules:
            check_rules(rules, ctx.now_ms)
        self._check_function(ctx, found)
        answer = {**found.answer, "VersionId": token}
        if token in (rotation.pending, secret.stages.get(CURRENT)):
            return answer
        if secret.stages.get(PENDING) not in (None, secret.stages.get(CURRENT)):
            if rotation.pending:
                self._put(ctx, found)
            return None
        rotation.enabled = True
        rotation.rules = rules or rotation.rules
        self._make_pending(ctx, found, token, is_test=not immediately)
        self._plan_rotation(ctx, found)
        self._save(ctx, found)
        return answer

    def _check_function(self, ctx: Context, found: Found) -> None:
        """Whether the function is there and lets Secrets Manager in on behalf of the secret."""
        function = parse_arn(found.secret.rotation.function)
        if function is not None and function.service == "lambda":
            there = ctx.at(account=function.account, region=function.region)
            try:
                document = ctx.cloud.lambda_.get_policy(there, FunctionName=str(function))["Policy"]
            except AwsError:
                document = "{}"
            context = {"aws:sourcearn": found.arn, "aws:sourceaccount": found.place[0]}
            request = Request(_PRINCIPAL, "lambda:InvokeFunction", str(function), context)
            if read_policy(document).decide(request) is Effect.ALLOW:
                return
        raise AccessDenied(
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            "access to the principal secretsmanager.amazonaws.com."
        )

    def _make_pending(self, ctx: Context, found: Found, version: str, *, is_test: bool) -> None:
        """The version that the function is to fill; one that only tests it has the present value."""
        rotation = found.secret.rotation
        value = None
        current = found.secret.stages.get(CURRENT)
        if is_test and current is not None:
            there = self._tables.versions.get((*found.place, current))
            value = self._unsealed(ctx, found, current, there) if there is not None and there.sealed else None
        self._add_version(ctx, found, version, value, (PENDING,))
        rotation.pending, rotation.token, rotation.is_test = version, new_id(), is_test
        self._put(ctx, found)

    def _put(self, ctx: Context, found: Found) -> None:
        account, region, name = found.place
        run = RotationRun(account, region, name, found.secret.rotation.pending)
        self.cloud.outbox.put(ctx.at(account=account), "secretsmanager.rotate", lane=found.arn, payload=run)

    # ---- when ---------------------------------------------------------------------------------------------------

    def _plan_rotation(self, ctx: Context, found: Found) -> None:
        """Set the alarm for the next window, counted from now."""
        rotation = found.secret.rotation
        window = next_window(rotation.rules, ctx.now_ms) if rotation.enabled else None
        if window is None:
            self._unplan_rotation(found)
            return
        rotation.scheduled_ms, rotation.window_ends_ms = window
        self._rotations.set(found.place, window.opens_ms)

    def _remove(self, place: Place) -> None:
        self._rotations.cancel(place)
        super()._remove(place)

    def _unplan_rotation(self, found: Found) -> None:
        found.secret.rotation.scheduled_ms = found.secret.rotation.window_ends_ms = 0
        self._rotations.cancel(found.place)

    def _window_opens(self, place: Place, alarm: Alarm) -> None:
        secret = self._tables.secrets.get(place)
        if secret is None or secret.deletion_ms or not secret.rotation.enabled:
            return
        ctx = self.cloud.context(account=place[0], region=place[1])
        found = Found(ctx, place, secret)
        if secret.rotation.pending:
            self._put(ctx, found)
        else:
            self._make_pending(ctx, found, new_id(), is_test=False)
        self._plan_rotation(ctx, found)
        self._save(ctx, found)

    def _current_changed(self, ctx: Context, found: Found) -> None:
        """A new AWSCURRENT ends the rotation that made it; the next one is counted from it, whoever made it."""
        rotation = found.secret.rotation
        if rotation.pending and found.secret.stages.get(CURRENT) == rotation.pending:
            rotation.last_ms, rotation.pending = ctx.now_ms, ""
        self._plan_rotation(ctx, found)

    # ---- the steps ----------------------------------------------------------------------------------------------

    async def _rotate(self, ctx: Context, run: RotationRun) -> None:
        found = self._under_way(ctx, run)
        if found is None:
            return
        for step in _TEST_STEPS if found.secret.rotation.is_test else STEPS:
            found = self._under_way(ctx, run)
            if found is None:
                return
            await self._invoke(ctx, found, step)
        await ctx.run(self._check_done, ctx.refreshed(), run)

    def _under_way(self, ctx: Context, run: RotationRun) -> Found | None:
        place = (run.account, run.region, run.name)
        secret = self._tables.secrets.get(place)
        if secret is None or secret.deletion_ms or secret.rotation.pending != run.version:
            return None
        return Found(ctx, place, secret)

    async def _invoke(self, ctx: Context, found: Found, step: str) -> None:
        rotation = found.secret.rotation
        function = parse_arn(rotation.function)
        assert function is not None, "the ARN was checked when rotation was set up"
        event = {
            "Step": step,
            "SecretId": found.arn,
            "ClientRequestToken": rotation.pending,
            "RotationToken": rotation.token,
        }
        there = ctx.at(account=function.account, region=function.region)
        answer = await there.call(
            ctx.cloud.lambda_.invoke, FunctionName=str(function), Payload=json.dumps(event).encode()
        )
        if answer.get("FunctionError"):
            raise RotationFailed(f"{step} of {function} failed for {found.arn}")

    def _check_done(self, ctx: Context, run: RotationRun) -> None:
        """After the last step the new version is the current one, or the function has not done its work."""
        found = self._under_way(ctx, run)
        if found is None:
            return
        if not found.secret.rotation.is_test:
            raise RotationFailed(f"the function left {found.arn} without AWSCURRENT on {run.version}")
        self._end_test(ctx, found)

    def _end_test(self, ctx: Context, found: Found) -> None:
        version, found.secret.rotation.pending = found.secret.rotation.pending, ""
        found.secret.stages = {label: of for label, of in found.secret.stages.items() if of != version}
        self._tables.versions.delete((*found.place, version))
        self._save(ctx, found)

    def _gave_up(self, ctx: Context, run: RotationRun, error: Exception) -> None:
        log.warning("rotation of secret %s failed: %s", run.name, error)
        found = self._under_way(ctx, run)
        if found is not None and found.secret.rotation.is_test:
            self._end_test(ctx, found)
