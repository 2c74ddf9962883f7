"""Versions and aliases of functions."""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.errors import ResourceConflict, ResourceNotFound
from fogbank.services.lambda_.functions import check_revision
from fogbank.services.lambda_.names import function_arn, parse_name
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.records import Alias
from fogbank.services.lambda_.states import check_settled


class VersionOperations(Operations):
    """PublishVersion, CreateAlias and their relatives."""

    def publish_version(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        CodeSha256: str | None = None,
        Description: str | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        latest = self._functions.configuration(ctx, name)
        check_settled(ctx, name, latest)
        check_revision(RevisionId, latest.revision)
        config = self._functions.publish(ctx, name, description=Description, sha256=CodeSha256)
        return self._functions.answer(ctx, name, config, qualifier=config.label)

    def list_versions_by_function(
        self, ctx: Context, *, FunctionName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        scan = self._tables.configurations.scan((name.account, ctx.region, name.name))
        found = [
            answers.listed(self._functions.answer(ctx, name, config, qualifier=config.label)) for _, config in scan
        ]
        return page("Versions", found, Marker, MaxItems)

    def create_alias(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Name: str,
        FunctionVersion: str,
        Description: str = "",
        RoutingConfig: dict[str, Any] | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.configuration(ctx, name._replace(qualifier=FunctionVersion))
        if self._tables.aliases.get((name.account, ctx.region, name.name, Name)) is not None:
            arn = function_arn(ctx, name.account, name.name, Name)
            raise ResourceConflict(f"Alias already exists: {arn}")
        weights = (RoutingConfig or {}).get("AdditionalVersionWeights") or {}
        alias = Alias(Name, FunctionVersion, Description, "", weights)
        self._functions.save_alias(ctx, name, alias)
        return answers.alias(ctx, name.account, name.name, alias)

    def get_alias(self, ctx: Context, *, FunctionName: str, Name: str) -> Answer:
        name = parse_name(ctx, FunctionName)
        return answers.alias(ctx, name.account, name.name, self._functions.alias(ctx, name, Name))

    def list_aliases(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 50,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        scan = self._tables.aliases.scan((name.account, ctx.region, name.name))
        found = [
            answers.alias(ctx, name.account, name.name, alias)
            for _, alias in scan
            if FunctionVersion is None or alias.version == FunctionVersion
        ]
        return page("Aliases", found, Marker, MaxItems)

    def update_alias(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Name: str,
        FunctionVersion: str | None = None,
        Description: str | None = None,
        RoutingConfig: dict[str, Any] | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        alias = self._tables.aliases.get((name.account, ctx.region, name.name, Name))
        if alias is None:
            raise ResourceNotFound(f"Alias not found: {function_arn(ctx, name.account, name.name, Name)}")
        check_revision(RevisionId, alias.revision)
        before = msgspec.structs.replace(alias)
        alias.version = FunctionVersion or alias.version
        if Description is not None:
            alias.description = Description
        if RoutingConfig is not None:
            alias.weights = RoutingConfig.get("AdditionalVersionWeights") or {}
        self._functions.save_alias(ctx, name, alias)
        self._provisioning.alias_changed(ctx, name, before, alias)
        return answers.alias(ctx, name.account, name.name, alias)

    def delete_alias(self, ctx: Context, *, FunctionName: str, Name: str) -> Answer:
        name = parse_name(ctx, FunctionName)._replace(qualifier=Name)
        self._functions.delete_alias(ctx, name)
        self._urls.delete_of_alias(ctx, name)
        self._provisioning.removed(ctx, name)
        return None
