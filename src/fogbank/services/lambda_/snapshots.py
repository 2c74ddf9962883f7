"""SnapStart: environments of published versions that are initialized ahead and restored by their first invocation.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
AWS keeps an image of one initialized environment and copies it. What is kept here are environments that wait where the
image would be taken: one of each version, and as many more as were lately needed. The engine forks them where it can,
and else initializes each for itself.
"""

from collections import OrderedDict
from functools import partial
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceConflict, SnapStartNotReady
from fogbank.services.lambda_.fleets import NO_PLACE, Fleet, Fleets
from fogbank.services.lambda_.pool import Key, Slot
from fogbank.services.lambda_.records import Configuration, Snapshot, Tables

# https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes
RUNTIMES = ("java", "python", "dotnet")
_WITHOUT = frozenset(
    {"java8", "java8.al2", "python3.8", "python3.9", "python3.10", "python3.11", "dotnet6", "dotnetcore3.1"}
)
EPHEMERAL_MB_MAX = 512
VERSIONS_MAX = 40
"""Of which versions environments are kept: those that were lately published or started."""
KEPT_MAX = 20
"""Of one version."""


def apply(config: Configuration, setting: dict[str, Any] | None) -> None:
    """Take the setting, if it is given, and check that what the function is allows it."""
    if setting is not None:
        config.snap_start = setting.get("ApplyOn") == "PublishedVersions"
    if not config.snap_start:
        return
    if not config.runtime.startswith(RUNTIMES) or config.runtime in _WITHOUT:
        raise InvalidParameterValue(f"{config.runtime} is not supported for SnapStart enabled functions.")
    if config.ephemeral_mb > EPHEMERAL_MB_MAX:  # AWS's sentence is not published.
        raise InvalidParameterValue(
            f"Ephemeral storage greater than {EPHEMERAL_MB_MAX} MB is not supported for SnapStart enabled functions."
        )


class Snapshots:
    """The environments that are kept, by version."""

    def __init__(self, cloud: Cloud, tables: Tables, fleets: Fleets) -> None:
        self._cloud = cloud
        self._tables = tables
        self._fleets = fleets
        self._drawn: OrderedDict[Key, int] = OrderedDict()
        """How many of each version have been used since `tend` came by, the version used last at the end."""
        fleets.settled = self._settled

    def resume(self) -> None:
        """Go on with versions whose first environment was not there when the server stopped."""
        for key, snapshot in list(self._tables.snapshots.scan()):
            if snapshot.state == "Pending":
                self.keep(key)

    def published(self, key: Key) -> None:
        """In the transaction that publishes a version."""
        self._tables.snapshots.put(key, Snapshot("Pending"))
        self._cloud.store.after_commit(partial(self.keep, key))

    def removed(self, key: Key) -> None:
        """In the transaction that removes a version."""
        if self._tables.snapshots.delete(key):
            self._cloud.store.after_commit(partial(self.forget, key))

    def check_invocable(self, key: Key) -> None:
        """Raises SnapStartNotReady while the version's first environment is initialized, ResourceConflict if that
        failed.
        """
        snapshot = self._tables.snapshots.get(key)
        if snapshot is not None and snapshot.state == "Pending":
            if key not in self._drawn:  # It had to make room for others before it was ready.
                self.keep(key)
            raise SnapStartNotReady()
        if snapshot is not None and snapshot.state == "Failed":
            raise ResourceConflict(
                "The operation cannot be performed at this time. "
                "The function is currently in the following state: Failed"
            )

    def keep(self, key: Key) -> None:
        """Have an environment of that version."""
        self._drawn.setdefault(key, 0)
        self._drawn.move_to_end(key)
        if len(self._drawn) > VERSIONS_MAX:
            self.forget(next(iter(self._drawn)))
        self._fleets.resize(key, "", min(self._drawn[key] + 1, KEPT_MAX))

    def forget(self, key: Key) -> None:
        self._drawn.pop(key, None)
        self._fleets.resize(key, "", 0)

    def draw(self, key: Key) -> Slot | None:
        """An environment that the next invocation restores; others are made ready in its place."""
        fleet = self._fleets.get(key)
        slot = self._fleets.draw(fleet) if fleet is not None else None
        self._drawn[key] = self._drawn.get(key, 0) + 1
        self.keep(key)
        return slot

    def tend(self) -> None:
        """Keep as many of each version as were needed since it was last called, and one more."""
        self._fleets.tend()
        for key, drawn in self._drawn.items():
            self._fleets.resize(key, "", min(drawn + 1, KEPT_MAX))
            self._drawn[key] = 0

    # ---- steps --------------------------------------------------------------------------------------------------

    def _settled(self, fleet: Fleet) -> None:
        if fleet.failure == NO_PLACE:
            return  # There may be one when `tend` comes by.
        snapshot = self._tables.snapshots.get(fleet.key)
        if snapshot is not None and snapshot.state == "Pending":
            state = Snapshot("Failed", fleet.failure) if fleet.failure else Snapshot("Active")
            if fleet.failure:
                self.forget(fleet.key)
            work = self._cloud.store.run(self._note, fleet.key, state)
            self._cloud.tasks.spawn(f"snapshot of {fleet.key[2]}", work)

    def _note(self, key: Key, snapshot: Snapshot) -> None:
        if self._tables.snapshots.get(key) is not None:
            self._tables.snapshots.put(key, snapshot)
