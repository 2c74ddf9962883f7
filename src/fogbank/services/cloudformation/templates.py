"""The operations on templates."""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.cloudformation import prepare, rights, schema, settings, template, transforms
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.records import ChangeSet, Stack
from fogbank.services.cloudformation.registry import Registry


class Templates(Registry):
    def get_template(
        self, ctx: Context, *, StackName: str | None = None, ChangeSetName: str | None = None,
        TemplateStage: str = "Original",
    ) -> Answer:  # fmt: skip
        if not StackName and not ChangeSetName:
            raise ValidationError("StackName is required if ChangeSetName is not specified.")
        if not StackName and not str(ChangeSetName).startswith("arn:"):
            raise ValidationError("StackName is a required parameter.")
        found: Stack | ChangeSet = (
            self.change_set(ctx, ChangeSetName, StackName) if ChangeSetName else self.get(ctx, str(StackName))
        )
        body = found.original
        if TemplateStage == "Processed" and transforms.used(template.load(found.original)):
            body = msgspec.json.encode(found.template).decode()
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    async def get_template_summary(
        self, ctx: Context, *, TemplateBody: str | None = None, TemplateURL: str | None = None,
        StackName: str | None = None, TemplateSummaryConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        if sum(given is not None for given in (TemplateBody, TemplateURL, StackName)) != 1:
            raise ValidationError("Exactly one of TemplateBody, TemplateURL and StackName must be specified")
        if StackName is not None:
            stack = self.get(ctx, StackName)
            if stack.status == "REVIEW_IN_PROGRESS":
                raise ValidationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
            text = stack.original
        else:
            text = await settings.template_text(rights.through_cloudformation(ctx), TemplateBody, TemplateURL)
        parsed = template.parse(text)
        answer = _outline(parsed)
        answer["Parameters"] = [
            {**parameter, "ParameterType": spec["Type"], "ParameterConstraints": _constraints(spec)}
            for parameter, spec in zip(answer["Parameters"], (parsed.get("Parameters") or {}).values(), strict=True)
        ]
        resources = template.resources(parsed)
        answer["ResourceTypes"] = list(dict.fromkeys(found["Type"] for found in resources.values()))
        answer["ResourceIdentifierSummaries"] = _identifiers(resources)
        if "AWSTemplateFormatVersion" in parsed:
            answer["Version"] = str(parsed["AWSTemplateFormatVersion"])
        if "Metadata" in parsed:
            answer["Metadata"] = str(parsed["Metadata"])  # Python's way of writing it, as AWS's answers have it
        if (TemplateSummaryConfig or {}).get("TreatUnrecognizedResourceTypesAsWarnings"):
            unknown = [kind for kind in answer["ResourceTypes"] if not prepare.is_known_type(ctx, kind)]
            answer["Warnings"] = {"UnrecognizedResourceTypes": unknown}
        return answer

    async def validate_template(
        self, ctx: Context, *, TemplateBody: str | None = None, TemplateURL: str | None = None
    ) -> Answer:
        text = await settings.template_text(rights.through_cloudformation(ctx), TemplateBody, TemplateURL)
        parsed = template.parse(text)
        if not transforms.used(parsed):
            prepare.check_references(parsed)
        return _outline(parsed)


def _identifiers(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """By type: which resources there are, and the properties that identify one (for imports)."""
    by_type: dict[str, list[str]] = {}
    for name, resource in resources.items():
        by_type.setdefault(resource["Type"], []).append(name)
    return [
        {"ResourceType": kind, "LogicalResourceIds": names, "ResourceIdentifiers": schema.identifiers(kind)}
        for kind, names in by_type.items()
        if schema.identifiers(kind)
    ]


def _constraints(spec: dict[str, Any]) -> dict[str, Any]:
    allowed = spec.get("AllowedValues")
    return {"AllowedValues": [str(value) for value in allowed]} if allowed else {}


def _outline(parsed: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Parameters": [
            {
                "ParameterKey": name,
                "NoEcho": str(spec.get("NoEcho", "")).lower() == "true",
                **({"DefaultValue": str(spec["Default"])} if "Default" in spec else {}),
                **({"Description": spec["Description"]} if "Description" in spec else {}),
            }
            for name, spec in (parsed.get("Parameters") or {}).items()
        ]
    }
    if "Description" in parsed:
        answer["Description"] = str(parsed["Description"])
    declared = transforms.declared_names(parsed)
    resources = template.resources(parsed)
    needed = prepare.capabilities_of(resources)
    if declared:
        answer["DeclaredTransforms"] = declared
        needed = [*needed, "CAPABILITY_AUTO_EXPAND"]
    if needed:
        answer["Capabilities"] = needed
        kinds = sorted({r["Type"] for r in resources.values() if r["Type"] in prepare.IAM_TYPES})
        answer["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(kinds)}]"
    return answer
