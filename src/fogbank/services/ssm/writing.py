"""Parameters are put, change and go; their policies act."""

import re
from copy import copy
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.linear_regex import BadExpression, whole_match
from fogbank.core.service import Answer
from fogbank.core.tags import tag_map
from fogbank.services.ssm.base import SECURE, ParameterBase
from fogbank.services.ssm.change_events import announce_change, announce_policy
from fogbank.services.ssm.errors import (
    HierarchyTypeMismatch,
    InvalidAllowedPattern,
    ParameterAlreadyExists,
    ParameterLimitExceeded,
    ParameterMaxVersionLimitExceeded,
    ParameterNotFound,
    ParameterPatternMismatch,
    Validation,
)
from fogbank.services.ssm.names import check_new_name, levels, parameter_arn
from fogbank.services.ssm.parameter_policies import EXPIRATION, NO_CHANGE_NOTIFICATION, read_policies
from fogbank.services.ssm.records import Counts, Parameter, Place
from fogbank.services.ssm.secure_strings import ADVANCED
from fogbank.services.ssm.service_settings import DEFAULT_TIER, ServiceSettings
from fogbank.services.ssm.tag_rules import check_tags

VERSIONS_MAX = 100
STANDARD, INTELLIGENT = "Standard", "Intelligent-Tiering"
_LENGTHS_MAX = {STANDARD: 4096, ADVANCED: 8192}
_COUNTS_MAX = {STANDARD: 10_000, ADVANCED: 100_000}
_KEY_DEFAULT = "alias/aws/ssm"
_TEXT, _INTEGRATION = "text", "aws:ssm:integration"
_UNCHECKED = frozenset({"aws:ec2:image", "integer", "float", "boolean", "json"})
"""Data types whose checks Fogbank does not have."""
_NESTED = re.compile(r"\{\{.*\}\}", re.DOTALL)


class Writing(ServiceSettings, ParameterBase):
    """The operations that change parameters, of `SsmService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._policy_alarms = Alarms(cloud, "ssm.policy_alarms", key=(str, str, str, int), ring=self._policy_due)

    def delete_parameter(self, ctx: Context, *, Name: str) -> Answer:
        place, parameter = self._find(ctx, Name)
        self._remove(ctx, place, parameter)
        return {}

    def delete_parameters(self, ctx: Context, *, Names: list[str]) -> Answer:
        deleted, invalid = [], []
        for name in dict.fromkeys(Names):
            try:
                self.delete_parameter(ctx, Name=name)
                deleted.append(name)
            except ParameterNotFound:
                invalid.append(name)
        return {"DeletedParameters": deleted, "InvalidParameters": invalid}

    def put_parameter(
        self,
        ctx: Context,
        *,
        Name: str,
        Value: str,
        Description: str | None = None,
        Type: str | None = None,
        KeyId: str | None = None,
        Overwrite: bool = False,
        AllowedPattern: str | None = None,
        Tags: list[dict[str, str]] | None = None,
        Tier: str | None = None,
        Policies: str | None = None,
        DataType: str | None = None,
    ) -> Answer:
        """What an update leaves out stays as it is, but for the key."""
        name = Name.strip()
        check_new_name(name)
        if Tags and Overwrite:
            raise Validation(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
                "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
                "RemoveTagsFromResource."
            )
        check_tags(ctx, Tags or [])
        place = self._place(ctx.account, ctx.region, name)
        former = self._tables.parameters.get(place)
        if former is not None and not Overwrite:
            raise ParameterAlreadyExists()
        new = Parameter(name=name, type="", value=Value, version=1, modified_ms=ctx.now_ms, user=ctx.principal_arn)
        if former is not None:
            _take_over(new, former)
        else:
            new.tags = tag_map(Tags)
        new.type = _type_of(name, Type, former)
        new.description = new.description if Description is None else Description
        new.pattern = new.pattern if AllowedPattern is None else AllowedPattern
        new.data_type = _data_type(new.type, DataType, former)
        if Policies is not None:
            new.policies = read_policies(Policies, ctx.now_ms)
        new.tier = self._tier_of(ctx, new, Tier, former)
        _check_value(new)
        self._encrypt(ctx, place, new, KeyId)
        if former is not None:
            self._unplan_policies(place, former)
            self._keep(place, former)
        self._count(place, former, new)
        self._tables.parameters.put(place, new)
        self._plan_policies(place, new)
        announce_change(ctx, new, "Create" if former is None else "Update")
        return {"Version": new.version, "Tier": new.tier}

    # ---- putting ------------------------------------------------------------------------------------------------

    def _encrypt(self, ctx: Context, place: Place, new: Parameter, key_id: str | None) -> None:
        if new.type != SECURE:
            if key_id is not None:
                raise Validation("KeyId is required for SecureString type parameter only.")
            new.key_id = ""
            return
        new.key_id = key_id or _KEY_DEFAULT
        arn = parameter_arn(*place[:2], new.name)
        new.value = self._secure_strings.seal(ctx, new.value, tier=new.tier, key_id=new.key_id, arn=arn)

    def _tier_of(self, ctx: Context, new: Parameter, tier: str | None, former: Parameter | None) -> str:
        """What is asked for, else what the parameter has, else the region's default; and whether that will do."""
        before = former.tier if former is not None else ""
        asked = tier or before or self._setting(ctx, DEFAULT_TIER)
        if asked == INTELLIGENT:
            needed = len(new.value) > _LENGTHS_MAX[STANDARD] or bool(new.policies) or before == ADVANCED
            no_room = not before and self._counts(ctx.account, ctx.region).standard >= _COUNTS_MAX[STANDARD]
            asked = ADVANCED if needed or no_room else STANDARD
        if before == ADVANCED and asked == STANDARD:
            raise Validation(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
                "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
                "parameter and recreate it as a standard parameter."
            )
        if new.policies and asked == STANDARD:  # AWS's sentence is not recorded.
            raise Validation("Parameter policies are supported for parameters of the advanced-parameter tier only.")
        return asked

    def _keep(self, place: Place, former: Parameter) -> None:
        """Put the version that is replaced to the former ones; the oldest goes where there are too many."""
        kept = self._tables.former.count(place) + 1
        if kept >= VERSIONS_MAX:
            oldest = self._tables.former.first(place)
            assert oldest is not None, "there are former versions"
            if oldest[1].labels:
                raise ParameterMaxVersionLimitExceeded(
                    f"You attempted to create a new version of {former.name} by calling the PutParameter API with the "
                    f"overwrite flag. Version {oldest[1].version}, the oldest version, can't be deleted because it "
                    "has a label associated with it. Move the label to another version of the parameter, and try "
                    "again."
                )
            self._tables.former.delete(oldest[0])
        self._tables.former.put((*place, former.version), former)

    # ---- going --------------------------------------------------------------------------------------------------

    def _remove(self, ctx: Context, place: Place, parameter: Parameter) -> None:
        self._unplan_policies(place, parameter)
        self._count(place, parameter, None)
        self._tables.parameters.delete(place)
        self._tables.former.delete_all(place)
        announce_change(ctx, parameter, "Delete")

    # ---- counts -------------------------------------------------------------------------------------------------

    def _counts(self, account: str, region: str) -> Counts:
        """How many there are; they are counted once."""
        counts = self._tables.counts.get((account, region))
        if counts is None:
            tiers = [parameter.tier for _, parameter in self._tables.parameters.scan((account, region))]
            counts = Counts(tiers.count(STANDARD), tiers.count(ADVANCED))
        return counts

    def _count(self, place: Place, before: Parameter | None, after: Parameter | None) -> None:
        tier_before, tier_after = (each.tier if each is not None else "" for each in (before, after))
        if tier_before == tier_after:
            return
        counts = self._counts(place[0], place[1])
        counts.standard += (tier_after == STANDARD) - (tier_before == STANDARD)
        counts.advanced += (tier_after == ADVANCED) - (tier_before == ADVANCED)
        if tier_after == STANDARD and counts.standard > _COUNTS_MAX[STANDARD]:
            raise ParameterLimitExceeded(
                "You have reached the maximum number of standard parameters for this AWS account and Region "
                f"({_COUNTS_MAX[STANDARD]}). To add more parameters, either delete existing parameters or upgrade to "
                "the advanced-parameter tier (charges apply)."
            )
        if counts.advanced > _COUNTS_MAX[ADVANCED]:  # AWS's sentence is not recorded.
            raise ParameterLimitExceeded(
                "You have reached the maximum number of advanced parameters for this AWS account and Region "
                f"({_COUNTS_MAX[ADVANCED]})."
            )
        self._tables.counts.put((place[0], place[1]), counts)

    # ---- policies -----------------------------------------------------------------------------------------------

    def _plan_policies(self, place: Place, parameter: Parameter) -> None:
        for index, policy in enumerate(parameter.policies):
            if not policy.finished:
                self._policy_alarms.set((*place, index), policy.due_ms)

    def _unplan_policies(self, place: Place, parameter: Parameter) -> None:
        for index in range(len(parameter.policies)):
            self._policy_alarms.cancel((*place, index))

    def _policy_due(self, key: tuple[str, str, str, int], alarm: Alarm) -> None:
        place, index = key[:3], key[3]
        parameter = self._tables.parameters.get(place)
        if parameter is None or index >= len(parameter.policies):
            return
        ctx = self.cloud.context(account=place[0], region=place[1])
        policy = parameter.policies[index]
        policy.finished = True
        announce_policy(ctx, parameter, policy)
        if policy.type == EXPIRATION:
            self._remove(ctx, place, parameter)
        else:
            self._tables.parameters.put(place, parameter)


def _take_over(new: Parameter, former: Parameter) -> None:
    """What belongs to the parameter, and what an update keeps."""
    new.name, new.version = former.name, former.version + 1
    new.description, new.pattern = former.description, former.pattern
    new.tags, new.sharing, new.sharing_id = former.tags, former.sharing, former.sharing_id
    new.policies = [copy(policy) for policy in former.policies]
    for policy in new.policies:
        if policy.type == NO_CHANGE_NOTIFICATION:
            policy.due_ms, policy.finished = new.modified_ms + policy.after_ms, False


def _type_of(name: str, asked: str | None, former: Parameter | None) -> str:
    if former is None:
        if asked is None:
            raise Validation("A parameter type is required when you create a parameter.")
        return asked
    if asked not in (None, former.type) and levels(name) > 1:
        raise HierarchyTypeMismatch()
    return asked or former.type


def _data_type(kind: str, asked: str | None, former: Parameter | None) -> str:
    data_type = asked or (former.data_type if former is not None else _TEXT)
    if data_type in _UNCHECKED:
        raise NotImplementedInFogbank(f"The data type {data_type} is not implemented in Fogbank.")
    if data_type not in (_TEXT, _INTEGRATION):
        raise Validation(f"The following data type is not supported: {data_type} (Data type names are all lowercase.)")
    # AWS's sentences are not recorded.
    if former is not None and data_type != former.data_type:
        raise Validation(f"The data type {former.data_type} of a parameter can't be changed to {data_type}.")
    if data_type == _INTEGRATION and kind != SECURE:
        raise Validation(f"The data type {_INTEGRATION} is supported for parameters of type SecureString only.")
    return data_type


def _check_value(new: Parameter) -> None:
    if not new.value:
        raise Validation(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1."
        )
    if _NESTED.search(new.value):
        raise Validation('Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.')
    if len(new.value) > _LENGTHS_MAX[new.tier]:
        raise Validation(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
            if new.tier == STANDARD
            else "Advanced tier parameters support a maximum parameter value of 8192 characters."  # not recorded
        )
    if new.pattern:
        matches = _pattern(new.pattern)
        values: list[Any] = new.value.split(",") if new.type == "StringList" else [new.value]
        if not all(matches(value) for value in values):
            raise ParameterPatternMismatch()


def _pattern(expression: str) -> Any:
    try:
        return whole_match(expression)
    except BadExpression as error:
        try:
            re.compile(expression)
        except re.error:
            raise InvalidAllowedPattern() from None
        raise NotImplementedInFogbank(f"Fogbank does not take this AllowedPattern: {error}.") from None
