"""Changing a capacity when there is occasion to: at once, or asked for and waited for where it takes its time.

For a SlowDimension there are two rows of the outbox. The first asks for the present capacity and decides; the second,
written with the decision, asks for the new capacity and waits until it is there. So a crash neither forgets a change
nor decides it twice, and while one is under way (`Target.changing`) nothing else is decided.
"""

from abc import abstractmethod

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.outbox import RetryPolicy
from fogbank.core.scaling import Progress, ScalableDimension, SlowDimension
from fogbank.services.applicationautoscaling.activities import Activities
from fogbank.services.applicationautoscaling.errors import Busy
from fogbank.services.applicationautoscaling.records import Change, Occasion, Place

LOOK, CHANGE = "applicationautoscaling.look", "applicationautoscaling.change"
RETRY = RetryPolicy(attempts_max=4, first_delay_s=5.0, delay_max_s=30.0)
POLL_S = 10.0
CHANGE_MAX_MS = 3_600_000  # A change that takes longer is given up. AWS's limit is not published.


class Decision(msgspec.Struct, frozen=True):
    """What a capacity is to become; `reason` is the code of why it is left as it is, if there is one.

    `cause` is what activities tell, if it is another than the occasion's.
    """

    units: int
    reason: str = ""
    cause: str = ""


class Adjusting(Activities):
    """What an occasion does to a capacity."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        cloud.outbox.handler(LOOK, self._look, payload=Occasion, retry=RETRY, on_exhausted=self._not_seen)
        cloud.outbox.handler(CHANGE, self._change, payload=Change, retry=RETRY, on_exhausted=self._not_changed)

    @abstractmethod
    def _decide(self, ctx: Context, occasion: Occasion, capacity: int) -> Decision: ...

    @abstractmethod
    def _scaled(self, ctx: Context, occasion: Occasion, before: int, units: int) -> None:
        """The occasion has led to this change."""

    @abstractmethod
    def _left(self, ctx: Context, occasion: Occasion, capacity: int, decision: Decision) -> None:
        """The occasion has led to nothing."""

    def _capacity_at_once(self, ctx: Context, place: Place) -> int | None:
        """The capacity; None if it cannot be told without waiting. Raises AwsError if there is no such resource."""
        dimension = self._dimension(place[2], place[4])
        if isinstance(dimension, ScalableDimension):
            return dimension.capacity(ctx, place[3])
        assert isinstance(dimension, SlowDimension)
        dimension.check(ctx, place[3])
        return None

    def _respond(self, ctx: Context, occasion: Occasion) -> None:
        """Change the capacity if the occasion calls for it, now or as soon as can be."""
        place = occasion.place
        dimension = self._dimension(place[2], place[4])
        if not isinstance(dimension, ScalableDimension):
            self.cloud.outbox.put(ctx, LOOK, lane="|".join(place), payload=occasion)
            return
        before = dimension.capacity(ctx, place[3])
        decision = self._decide(ctx, occasion, before)
        if decision.units == before:
            self._left(ctx, occasion, before, decision)
            return
        number = self._begin_activity(ctx, place, decision.units, decision.cause or occasion.cause)
        try:
            with self.cloud.store.transaction():
                dimension.set_capacity(ctx, place[3], decision.units)
        except AwsError as error:
            self._end_activity(ctx, place, number, error.message)
        else:
            self._end_activity(ctx, place, number)
            self._scaled(ctx, occasion, before, decision.units)

    # ---- what takes its time ----------------------------------------------------------------------------------------

    async def _look(self, ctx: Context, occasion: Occasion) -> None:
        target = self._tables.targets.get(occasion.place)
        if target is None or target.changing:
            return  # An alarm that stays in ALARM comes again; limits are looked at when the change has ended.
        progress = await self._slow(occasion.place).progress(ctx, occasion.place[3])
        await ctx.run(self._ask, ctx.refreshed(), occasion, progress)

    def _ask(self, ctx: Context, occasion: Occasion, progress: Progress) -> None:
        place, before = occasion.place, progress.units
        target = self._tables.targets.get(place)
        if target is None or target.changing:
            return
        if progress.under_way:
            if not occasion.policy:
                raise Busy("It is being changed by somebody else.")
            self._left(ctx, occasion, before, Decision(before, "TargetServicePutResourceAsUnscalable"))
            return
        decision = self._decide(ctx, occasion, before)
        if decision.units == before:
            self._left(ctx, occasion, before, decision)
            return
        target.changing = self._begin_activity(ctx, place, decision.units, decision.cause or occasion.cause)
        self._tables.targets.put(place, target)
        change = Change(occasion, target.changing, before, decision.units)
        self.cloud.outbox.put(ctx, CHANGE, lane="|".join(place), payload=change)

    def _not_seen(self, ctx: Context, occasion: Occasion, error: Exception) -> None:
        if self._tables.targets.get(occasion.place) is not None:
            self._write_unscaled(ctx, occasion, f"Failed to look at the capacity. Reason: {_text(error)}")

    async def _change(self, ctx: Context, change: Change) -> None:
        place = change.occasion.place
        dimension = self._slow(place)
        try:
            progress = await dimension.change(ctx, place[3], change.units)
            if progress.under_way:
                message = f"Successfully asked for {dimension.noun} of {change.units}. Waiting for it to be there."
                await ctx.run(self._mark_activity, place, change.number, "InProgress", message)
            give_up_ms = self.cloud.clock.now_ms() + CHANGE_MAX_MS
            while progress.under_way and self.cloud.clock.now_ms() < give_up_ms:
                await self.cloud.clock.sleep(POLL_S)
                progress = await dimension.progress(ctx, place[3])
        except AwsError as error:
            if error.passing:
                raise
            await ctx.run(self._finish, ctx.refreshed(), change, None, error.message)
            return
        failure = "It was not there within an hour." if progress.under_way else progress.failed
        await ctx.run(self._finish, ctx.refreshed(), change, progress.units, failure)

    def _not_changed(self, ctx: Context, change: Change, error: Exception) -> None:
        self._finish(ctx, change, None, _text(error))

    def _finish(self, ctx: Context, change: Change, units: int | None, failure: str) -> None:
        place = change.occasion.place
        target = self._tables.targets.get(place)
        self._end_activity(ctx, place, change.number, failure)
        if target is None or target.changing != change.number:
            return  # It is not a target any more, or was registered anew.
        target.changing = 0
        self._tables.targets.put(place, target)
        if not failure:
            self._scaled(ctx, change.occasion, change.before, change.units)
        if units is not None and not target.minimum <= units <= target.maximum and not failure:
            self._respond(ctx, Occasion(place))

    def _slow(self, place: Place) -> SlowDimension:
        dimension = self._dimension(place[2], place[4])
        assert isinstance(dimension, SlowDimension)
        return dimension


def _text(error: Exception) -> str:
    return error.message if isinstance(error, AwsError) else str(error)
