"""The operations that tell what there is."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.services.cloudformation import answers
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.pages import PAGE, number, page, refuse
from fogbank.services.cloudformation.records import Stack
from fogbank.services.cloudformation.registry import Registry


class Descriptions(Registry):
    def describe_account_limits(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        refuse(NextToken)
        limits = {"StackLimit": 2000, "StackOutputsLimit": 200, "ConcurrentResourcesLimit": 2500}
        return {"AccountLimits": [{"Name": name, "Value": value} for name, value in limits.items()]}

    def describe_stack_events(self, ctx: Context, *, StackName: str, NextToken: str | None = None) -> Answer:
        stack = self.existing(ctx, StackName)
        after = None if NextToken is None else (stack.id, number(NextToken))
        rows = list(self.tables.events.scan((stack.id,), after=after, reverse=True, limit=PAGE + 1))
        answer: dict[str, Any] = {"StackEvents": [answers.event(event, stack) for _, event in rows[:PAGE]]}
        if len(rows) > PAGE:
            answer["NextToken"] = str(rows[PAGE - 1][0][1])
        return answer

    def describe_stack_resource(self, ctx: Context, *, StackName: str, LogicalResourceId: str) -> Answer:
        stack = self.find(ctx, StackName)
        if stack is None:
            raise ValidationError(f"Stack '{StackName}' does not exist")
        found = self.tables.resources.get((stack.id, LogicalResourceId))
        if found is None:
            raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {StackName}")
        detail = answers.resource(found, time="LastUpdatedTimestamp")
        metadata = ((stack.template.get("Resources") or {}).get(LogicalResourceId) or {}).get("Metadata")
        if metadata is not None:
            detail["Metadata"] = answers.json_text(metadata)
        return {"StackResourceDetail": {**detail, "StackName": stack.name, "StackId": stack.id}}

    def describe_stack_resources(
        self, ctx: Context, *, StackName: str | None = None, LogicalResourceId: str | None = None,
        PhysicalResourceId: str | None = None,
    ) -> Answer:  # fmt: skip
        if StackName and PhysicalResourceId:
            raise ValidationError("StackName and PhysicalResourceId cannot both be specified")
        if not StackName and not PhysicalResourceId:
            raise ValidationError("Either StackName or PhysicalResourceId must be specified")
        stack = self._owner(ctx, PhysicalResourceId) if PhysicalResourceId else self.get(ctx, StackName or "")
        found = [row for row in self.resources(stack) if LogicalResourceId in (None, row.logical_id)]
        if LogicalResourceId and not found:
            raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
        return {
            "StackResources": [
                {**answers.resource(row, time="Timestamp"), "StackName": stack.name, "StackId": stack.id}
                for row in found
            ]
        }

    def describe_stacks(self, ctx: Context, *, StackName: str | None = None, NextToken: str | None = None) -> Answer:
        if StackName is not None:
            return {"Stacks": [answers.stack(self.get(ctx, StackName))]}
        found = [stack for stack in self._stacks(ctx) if stack.status != "DELETE_COMPLETE"]
        shown, token = page(found, NextToken)
        return {"Stacks": [answers.stack(stack) for stack in shown], **token}

    def list_exports(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        found = list(self.tables.exports.scan((ctx.account, ctx.region)))
        shown, token = page(found, NextToken)
        return {
            "Exports": [
                {"ExportingStackId": export.stack_id, "Name": key[2], "Value": export.value} for key, export in shown
            ],
            **token,
        }

    def list_imports(self, ctx: Context, *, ExportName: str, NextToken: str | None = None) -> Answer:
        if self.tables.exports.get((ctx.account, ctx.region, ExportName)) is None:
            raise ValidationError(f"Export '{ExportName}' does not exist.")
        found = [
            stack.name
            for stack in self._stacks(ctx)
            if ExportName in stack.imports and stack.status != "DELETE_COMPLETE"
        ]
        if not found:
            raise ValidationError(f"Export '{ExportName}' is not imported by any stack.")
        shown, token = page(found, NextToken)
        return {"Imports": shown, **token}

    def list_stack_resources(self, ctx: Context, *, StackName: str, NextToken: str | None = None) -> Answer:
        shown, token = page(self.resources(self.get(ctx, StackName)), NextToken)
        return {
            "StackResourceSummaries": [answers.resource(found, time="LastUpdatedTimestamp") for found in shown],
            **token,
        }

    def list_stacks(
        self, ctx: Context, *, NextToken: str | None = None, StackStatusFilter: list[str] | None = None
    ) -> Answer:
        found = [stack for stack in self._stacks(ctx) if not StackStatusFilter or stack.status in StackStatusFilter]
        shown, token = page(sorted(found, key=lambda stack: -stack.created_ms), NextToken)
        return {"StackSummaries": [answers.summary(stack) for stack in shown], **token}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for stack in self._stacks(ctx):
            if stack.status != "DELETE_COMPLETE":
                yield Tagged(stack.id, "cloudformation:stack", stack.tags)

    def _stacks(self, ctx: Context) -> list[Stack]:
        return [stack for _, stack in self.tables.stacks.scan((ctx.account, ctx.region))]

    def _owner(self, ctx: Context, physical_id: str) -> Stack:
        for stack in self._stacks(ctx):
            resources = self.resources(stack) if stack.status != "DELETE_COMPLETE" else []
            if any(found.physical_id == physical_id for found in resources):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")
