"""CloudWatch Observability Access Manager.

https://docs.aws.amazon.com/OAM/latest/APIReference/Welcome.html
"""

import uuid
from collections.abc import Iterator
from typing import Any

from fogbank.core import named_principals
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.pages import page_of_table
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.service import Answer, Service, Tagged
from fogbank.services.oam import filters
from fogbank.services.oam.errors import (
    Conflict,
    InvalidParameter,
    QuotaExceeded,
    ResourceNotFound,
    TooManyTags,
)
from fogbank.services.oam.records import Attached, Link, Sink, Tables

METRICS, LOG_GROUPS = "AWS::CloudWatch::Metric", "AWS::Logs::LogGroup"
LINKS_MAX = 5
TAGS_MAX = 50


class OamService(Service):
    """Sinks of monitoring accounts, and links by which other accounts share their metrics and log groups with them.

    NotImplemented: links for traces and other kinds that Fogbank does not have.
    """

    name = "oam"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = Tables(cloud.store)

    # ---- for CloudWatch and Logs --------------------------------------------------------------------------------

    def shares(self, ctx: Context, account: str, kind: str, name: str) -> bool:
        """Whether that account shares this log group (by name) or metric (by namespace) with the context's account."""
        return any(kind in tests and tests[kind](name) for _, tests in self._shared(ctx, account))

    def sources(self, ctx: Context, kind: str) -> list[str]:
        """The accounts that share anything of a kind with the context's account."""
        return sorted({source for source, tests in self._shared(ctx, "") if kind in tests})

    def viewers(self, ctx: Context, kind: str, name: str) -> list[str]:
        """The accounts that the context's account shares this log group or metric with."""
        links = [link for _, link in self._tables.links.scan((ctx.account, ctx.region))]
        sinks = [parse_arn(link.sink_arn) for link in links if kind in link.types and _tests(link)[kind](name)]
        return sorted(sink.account for sink in sinks if sink is not None)

    def _shared(self, ctx: Context, account: str) -> Iterator[tuple[str, dict[str, filters.Test]]]:
        sink = self._tables.sinks.get((ctx.account, ctx.region))
        if sink is None:
            return
        place = (ctx.account, ctx.region, account) if account else (ctx.account, ctx.region)
        for (_, _, source, link_id), _ in self._tables.attached.scan(place):
            link = self._tables.links.get((source, ctx.region, link_id))
            if link is not None:
                yield source, _tests(link)

    # ---- sinks --------------------------------------------------------------------------------------------------

    def create_sink(self, ctx: Context, *, Name: str, Tags: dict[str, str] | None = None) -> Answer:
        existing = self._tables.sinks.get((ctx.account, ctx.region))
        if existing is not None and existing.name == Name:
            raise Conflict(f"A sink named {Name} already exists in this account.")
        if existing is not None:
            raise QuotaExceeded("An account can have one sink in a region.")
        sink = Sink(str(uuid.uuid4()), Name, tags=_checked(Tags))
        self._tables.sinks.put((ctx.account, ctx.region), sink)
        return {**_sink(ctx, sink), "Tags": sink.tags}

    def delete_sink(self, ctx: Context, *, Identifier: str) -> Answer:
        self._sink(ctx, Identifier)
        if next(self._tables.attached.scan((ctx.account, ctx.region), limit=1), None) is not None:
            raise Conflict("The sink has links: they have to be deleted first.")
        self._tables.sinks.delete((ctx.account, ctx.region))
        return None

    def get_sink(self, ctx: Context, *, Identifier: str, IncludeTags: bool = False) -> Answer:
        sink = self._sink(ctx, Identifier)
        return {**_sink(ctx, sink), **({"Tags": sink.tags} if IncludeTags else {})}

    def list_sinks(self, ctx: Context, *, MaxResults: int = 100, NextToken: str | None = None) -> Answer:
        rows, more = page_of_table(self._tables.sinks, (ctx.account, ctx.region), NextToken, MaxResults)
        return {"Items": [_sink(ctx, sink) for _, sink in rows], **more}

    def get_sink_policy(self, ctx: Context, *, SinkIdentifier: str) -> Answer:
        return _policy(ctx, self._sink(ctx, SinkIdentifier))

    def put_sink_policy(self, ctx: Context, *, SinkIdentifier: str, Policy: str) -> Answer:
        sink = self._sink(ctx, SinkIdentifier)
        sink.policy = named_principals.checked(ctx, Policy, lambda fault: InvalidParameter(str(fault)))
        self._tables.sinks.put((ctx.account, ctx.region), sink)
        return _policy(ctx, sink)

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        sink = self._tables.sinks.peek((ctx.account, ctx.region))
        return sink.policy or None if sink is not None and arn == _sink(ctx, sink)["Arn"] else None

    def list_attached_links(
        self, ctx: Context, *, SinkIdentifier: str, MaxResults: int = 100, NextToken: str | None = None
    ) -> Answer:
        self._sink(ctx, SinkIdentifier)
        rows, more = page_of_table(self._tables.attached, (ctx.account, ctx.region), NextToken, MaxResults)
        items = []
        for (_, _, source, link_id), _ in rows:
            link = self._tables.links.get((source, ctx.region, link_id))
            if link is not None:
                arn = ctx.at(account=source).arn("oam", f"link/{link_id}")
                items.append({"LinkArn": arn, "Label": link.label, "ResourceTypes": link.types})
        return {"Items": items, **more}

    # ---- links --------------------------------------------------------------------------------------------------

    def create_link(
        self,
        ctx: Context,
        *,
        LabelTemplate: str,
        ResourceTypes: list[str],
        SinkIdentifier: str,
        LinkConfiguration: dict[str, Any] | None = None,
        Tags: dict[str, str] | None = None,
    ) -> Answer:
        there = self._sink_to_link_to(ctx, SinkIdentifier, ResourceTypes)
        mine = [link for _, link in self._tables.links.scan((ctx.account, ctx.region))]
        if any(link.sink_arn == SinkIdentifier for link in mine):
            raise Conflict("A link to this sink already exists.")
        if len(mine) >= LINKS_MAX:
            raise QuotaExceeded(f"An account can have {LINKS_MAX} links in a region.")
        link = Link(
            str(uuid.uuid4()), SinkIdentifier, LabelTemplate, _label(ctx, LabelTemplate), [], tags=_checked(Tags)
        )
        _configure(link, ResourceTypes, LinkConfiguration)
        self._tables.links.put((ctx.account, ctx.region, link.id), link)
        self._tables.attached.put((there.account, ctx.region, ctx.account, link.id), Attached())
        return {**_link(ctx, link), "Tags": link.tags}

    def delete_link(self, ctx: Context, *, Identifier: str) -> Answer:
        link = self._link(ctx, Identifier)
        self._tables.links.delete((ctx.account, ctx.region, link.id))
        sink = parse_arn(link.sink_arn)
        assert sink is not None
        self._tables.attached.delete((sink.account, ctx.region, ctx.account, link.id))
        return None

    def get_link(self, ctx: Context, *, Identifier: str, IncludeTags: bool = False) -> Answer:
        link = self._link(ctx, Identifier)
        return {**_link(ctx, link), **({"Tags": link.tags} if IncludeTags else {})}

    def list_links(self, ctx: Context, *, MaxResults: int = LINKS_MAX, NextToken: str | None = None) -> Answer:
        rows, more = page_of_table(self._tables.links, (ctx.account, ctx.region), NextToken, MaxResults)
        listed = ("Arn", "Id", "Label", "ResourceTypes", "SinkArn")
        return {"Items": [{name: _link(ctx, link)[name] for name in listed} for _, link in rows], **more}

    def update_link(
        self,
        ctx: Context,
        *,
        Identifier: str,
        ResourceTypes: list[str],
        LinkConfiguration: dict[str, Any] | None = None,
        IncludeTags: bool = False,
    ) -> Answer:
        link = self._link(ctx, Identifier)
        self._sink_to_link_to(ctx, link.sink_arn, ResourceTypes)
        _configure(link, ResourceTypes, LinkConfiguration)
        self._tables.links.put((ctx.account, ctx.region, link.id), link)
        return {**_link(ctx, link), **({"Tags": link.tags} if IncludeTags else {})}

    # ---- tags ---------------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, ctx: Context, *, ResourceArn: str) -> Answer:
        return {"Tags": self._of_arn(ctx, ResourceArn).tags}

    def tag_resource(self, ctx: Context, *, ResourceArn: str, Tags: dict[str, str]) -> Answer:
        found = self._of_arn(ctx, ResourceArn)
        found.tags = _checked({**found.tags, **Tags})
        self._keep(ctx, found)
        return None

    def untag_resource(self, ctx: Context, *, ResourceArn: str, TagKeys: list[str]) -> Answer:
        found = self._of_arn(ctx, ResourceArn)
        found.tags = {key: value for key, value in found.tags.items() if key not in TagKeys}
        self._keep(ctx, found)
        return None

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, sink in self._tables.sinks.scan((ctx.account, ctx.region)):
            yield Tagged(_sink(ctx, sink)["Arn"], "oam:sink", sink.tags)
        for _, link in self._tables.links.scan((ctx.account, ctx.region)):
            yield Tagged(_link(ctx, link)["Arn"], "oam:link", link.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceArn=arn, Tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceArn=arn, TagKeys=keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _sink(self, ctx: Context, identifier: str) -> Sink:
        """The account's own sink, by its ARN."""
        sink = self._tables.sinks.get((ctx.account, ctx.region))
        if sink is None or identifier != _sink(ctx, sink)["Arn"]:
            raise ResourceNotFound(f"There is no sink {identifier}.")
        return sink

    def _link(self, ctx: Context, identifier: str) -> Link:
        link = self._tables.links.get((ctx.account, ctx.region, identifier.rpartition("/")[2]))
        if link is None or identifier != _link(ctx, link)["Arn"]:
            raise ResourceNotFound(f"There is no link {identifier}.")
        return link

    def _sink_to_link_to(self, ctx: Context, arn: str, types: list[str]) -> Context:
        """The sink's account, if its policy lets this one link so much to it."""
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != "oam" or parsed.account == ctx.account or parsed.region != ctx.region:
            raise InvalidParameter("The sink must be that of another account in this region.")
        there = ctx.at(account=parsed.account)
        try:
            sink = self._sink(there, arn)
        except ResourceNotFound as error:
            raise InvalidParameter(error.message) from None
        keys: dict[str, str | list[str]] = {"oam:resourcetypes": types, "aws:principalaccount": ctx.account}
        asked = Request(ctx.principal_arn, "oam:CreateLink", arn, keys, user_id=ctx.user_id)
        if not sink.policy or read_policy(sink.policy).decide(asked) is not Effect.ALLOW:
            raise InvalidParameter(f"The policy of the sink {arn} does not allow links from account {ctx.account}.")
        return there

    def _of_arn(self, ctx: Context, arn: str) -> Sink | Link:
        return self._link(ctx, arn) if ":link/" in arn else self._sink(ctx, arn)

    def _keep(self, ctx: Context, found: Sink | Link) -> None:
        if isinstance(found, Sink):
            self._tables.sinks.put((ctx.account, ctx.region), found)
        else:
            self._tables.links.put((ctx.account, ctx.region, found.id), found)


def _sink(ctx: Context, sink: Sink) -> dict[str, Any]:
    return {"Arn": ctx.arn("oam", f"sink/{sink.id}"), "Id": sink.id, "Name": sink.name}


def _policy(ctx: Context, sink: Sink) -> dict[str, Any]:
    answer = {"SinkArn": _sink(ctx, sink)["Arn"], "SinkId": sink.id}
    return {**answer, "Policy": named_principals.shown(ctx, sink.policy)} if sink.policy else answer


def _link(ctx: Context, link: Link) -> dict[str, Any]:
    given = (("LogGroupConfiguration", link.log_groups), ("MetricConfiguration", link.metrics))
    configuration = {name: {"Filter": text} for name, text in given if text}
    return {
        "Arn": ctx.arn("oam", f"link/{link.id}"),
        "Id": link.id,
        "Label": link.label,
        "LabelTemplate": link.label_template,
        "ResourceTypes": link.types,
        "SinkArn": link.sink_arn,
        **({"LinkConfiguration": configuration} if configuration else {}),
    }


def _configure(link: Link, types: list[str], configuration: dict[str, Any] | None) -> None:
    for kind in types:
        if kind not in (METRICS, LOG_GROUPS):
            raise NotImplementedInFogbank(f"Fogbank's oam does not implement links for {kind}.")
    given = configuration or {}
    link.types = sorted(set(types))
    link.log_groups = given.get("LogGroupConfiguration", {}).get("Filter", "")
    link.metrics = given.get("MetricConfiguration", {}).get("Filter", "")
    _tests(link)


def _tests(link: Link) -> dict[str, filters.Test]:
    """By kind, whether a log group's name or a metric's namespace is shared."""
    tests = {
        LOG_GROUPS: filters.compiled(link.log_groups, "LogGroupName"),
        METRICS: filters.compiled(link.metrics, "Namespace"),
    }
    return {kind: tests[kind] for kind in link.types}


def _label(ctx: Context, template: str) -> str:
    """An account has no other name here than its number."""
    for variable in ("$AccountName", "$AccountEmailNoDomain", "$AccountEmail"):
        template = template.replace(variable, ctx.account)
    return template


def _checked(tags: dict[str, str] | None) -> dict[str, str]:
    if len(tags or {}) > TAGS_MAX:
        raise TooManyTags(f"A resource can have {TAGS_MAX} tags.")
    return tags or {}
