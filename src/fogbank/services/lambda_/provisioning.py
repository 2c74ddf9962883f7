"""Provisioned concurrency: what versions and aliases are to have, and fleets of environments that follow it.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
A row says what is wanted; how far it is, is told by its fleets, and after a restart they are filled anew. A version has
the environments of one configuration at most: its own, or that of one alias.
While an alias moves to another version its weight stays with the version before, as on AWS, until the environments of
the other are there.
"""

import math
from functools import partial

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.lambda_.concurrency import Concurrency, FunctionKey
from fogbank.services.lambda_.errors import InvalidParameterValue, ProvisionedConfigNotFound, ResourceConflict
from fogbank.services.lambda_.fleets import Fleet, Fleets
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Alias, Provisioned

ConfigKey = tuple[str, str, str, str]
"""Account, region, function, version or alias."""


class Provisioning:
    """The rules of provisioned concurrency, and what keeps fleets in step with it."""

    def __init__(self, cloud: Cloud, functions: Functions, concurrency: Concurrency, fleets: Fleets) -> None:
        self._cloud = cloud
        self._functions = functions
        self._tables = functions.tables
        self._concurrency = concurrency
        self._fleets = fleets
        fleets.settled = self._settled

    def resume(self) -> None:
        """Provision what was provisioned when the server stopped."""
        for key, _ in list(self._tables.provisioned.scan()):
            self._follow(key)

    # ---- configurations -----------------------------------------------------------------------------------------

    def put(self, ctx: Context, name: FunctionName, wanted: int) -> Provisioned:
        if name.qualifier == "$LATEST":
            raise _unpublished()
        alias = self._qualified(ctx, name)
        key = config_key(ctx, name)
        function = self._functions.function(ctx, name)
        if self._functions.configuration(ctx, name).snap_start:  # AWS's sentence is not published.
            raise InvalidParameterValue("Provisioned Concurrency is not supported for SnapStart enabled functions.")
        if alias is not None and alias.weights:
            raise InvalidParameterValue("Alias with weights can not be used with Provisioned Concurrency")
        self._check_owner(key, alias)
        others = sum(row.requested for other, row in self._tables.provisioned.scan(key[:3]) if other != key)
        self._concurrency.check_provisioned(key[:3], function, total=others + wanted, wanted=wanted)
        config = Provisioned(wanted, ctx.now_ms)
        self._tables.provisioned.put(key, config)
        self._follow_later(key)
        return config

    def get(self, ctx: Context, name: FunctionName) -> Provisioned:
        self._published(ctx, name)
        config = self._tables.provisioned.get(config_key(ctx, name))
        if config is None:
            raise ProvisionedConfigNotFound()
        return config

    def delete(self, ctx: Context, name: FunctionName) -> None:
        self._published(ctx, name)
        key = config_key(ctx, name)
        if self._tables.provisioned.delete(key):
            self._follow_later(key)

    def list(self, ctx: Context, name: FunctionName) -> list[tuple[str, Provisioned]]:
        """Of a function: by version or alias."""
        self._functions.function(ctx, name)
        return [(key[3], row) for key, row in self._tables.provisioned.scan((name.account, ctx.region, name.name))]

    def state(self, key: ConfigKey) -> tuple[str, int, str]:
        """The status of a configuration, what is allocated, and why it failed, if it did."""
        targets = self._targets(key)
        config, fleets = self._tables.provisioned.get(key), self._fleets.of(key[:3], key[3])
        if config is not None and config.moving_from:
            targets.pop(int(config.moving_from), None)
        fleets = [fleet for fleet in fleets if fleet.key[3] in targets]
        allocated = sum(fleet.allocated for fleet in fleets)
        failure = next((fleet.failure for fleet in fleets if fleet.failure), "")
        if failure:
            return "FAILED", allocated, failure
        return ("READY" if sum(targets.values()) == allocated else "IN_PROGRESS"), allocated, ""

    # ---- what happens to functions, versions and aliases --------------------------------------------------------

    def alias_changed(self, ctx: Context, name: FunctionName, before: Alias, after: Alias) -> None:
        """In the transaction that has saved the alias: its environments move with it."""
        key = config_key(ctx, name._replace(qualifier=after.name))
        config = self._tables.provisioned.get(key)
        if config is None:
            return
        self._check_owner(key, after)
        serving = config.moving_from or before.version
        if not after.weights and after.version not in (before.version, serving):
            config.moving_from = serving
            after.weights = {serving: 1.0}
            self._tables.aliases.put(key, after)
        elif config.moving_from not in after.weights:
            config.moving_from = ""
        self._tables.provisioned.put(key, config)
        self._follow_later(key)

    def removed(self, ctx: Context, name: FunctionName) -> None:
        """In the transaction that removes an alias, a version or, without a qualifier, the function."""
        prefix = (name.account, ctx.region, name.name)
        for key, _ in list(self._tables.provisioned.scan((*prefix, name.qualifier) if name.qualifier else prefix)):
            self._tables.provisioned.delete(key)
            self._follow_later(key)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _qualified(self, ctx: Context, name: FunctionName) -> Alias | None:
        """The alias that the qualifier names, or None for a version; raises ResourceNotFound if it is not there."""
        if name.qualifier.isdigit():
            self._functions.configuration(ctx, name)
            return None
        return self._functions.alias(ctx, name, name.qualifier)

    def _published(self, ctx: Context, name: FunctionName) -> None:
        if name.qualifier == "$LATEST":
            raise InvalidParameterValue("The function resource provided must be an alias or a published version.")
        self._qualified(ctx, name)

    def _check_owner(self, key: ConfigKey, alias: Alias | None) -> None:
        """A version's environments belong to one configuration, and it is a published one."""
        if alias is not None and alias.version == "$LATEST":
            raise _unpublished()
        for other, _ in self._tables.provisioned.scan(key[:3]):
            if other == key:
                continue
            if alias is None:
                pointing = None if other[3].isdigit() else self._tables.aliases.get(other)
                if pointing is not None and key[3] in (pointing.version, *pointing.weights):
                    raise ResourceConflict("Version is pointed by a Provisioned Concurrency alias")
            elif {str(version) for version in self._targets(other)} & {alias.version, *alias.weights}:
                raise ResourceConflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
                )

    def _targets(self, key: ConfigKey) -> dict[int, int]:
        """How many environments each version is to have by this configuration."""
        config = self._tables.provisioned.get(key)
        if config is None:
            return {}
        if key[3].isdigit():
            return {int(key[3]): config.requested}
        alias = self._tables.aliases.get(key)
        if alias is None:
            return {}
        if config.moving_from:
            return {int(alias.version): config.requested, int(config.moving_from): config.requested}
        shares = {int(version): math.ceil(config.requested * weight) for version, weight in alias.weights.items()}
        return shares | {int(alias.version): config.requested - sum(shares.values())}

    def _follow_later(self, key: ConfigKey) -> None:
        self._cloud.store.after_commit(partial(self._follow, key))

    def _follow(self, key: ConfigKey) -> None:
        """Have the fleets that the configuration says."""
        function = key[:3]
        targets = self._targets(key)
        for fleet in self._fleets.of(function, key[3]):
            if fleet.key[3] not in targets:
                self._fleets.resize(fleet.key, key[3], 0)
        for version, wanted in targets.items():
            self._fleets.resize((*function, version), key[3], wanted)
        self._claim(function)

    def _claim(self, function: FunctionKey) -> None:
        """Count what the function's configurations keep of its concurrency; what failed keeps what it has."""
        claimed = 0
        for key, config in self._tables.provisioned.scan(function):
            status, allocated, _ = self.state(key)
            claimed += allocated if status == "FAILED" else config.requested
        self._concurrency.provisioned[function] = claimed
        if not claimed:
            del self._concurrency.provisioned[function]

    def _settled(self, fleet: Fleet) -> None:
        key = (*fleet.key[:3], fleet.qualifier)
        config = self._tables.provisioned.get(key)
        if config is not None and config.moving_from and fleet.ready and fleet.key[3] != int(config.moving_from):
            self._cloud.tasks.spawn(f"move the alias {key[3]} of {key[2]}", self._cloud.store.run(self._arrived, key))
        self._claim(fleet.key[:3])

    def _arrived(self, key: ConfigKey) -> None:
        """The alias's environments are there: its weight moves to them, and those before them end."""
        config, alias = self._tables.provisioned.get(key), self._tables.aliases.get(key)
        if config is None or alias is None or not config.moving_from:
            return
        alias.weights = {version: weight for version, weight in alias.weights.items() if version != config.moving_from}
        config.moving_from = ""
        self._tables.aliases.put(key, alias)
        self._tables.provisioned.put(key, config)
        self._follow_later(key)


def _unpublished() -> InvalidParameterValue:
    return InvalidParameterValue("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")


def config_key(ctx: Context, name: FunctionName) -> ConfigKey:
    return (name.account, ctx.region, name.name, name.qualifier)
