"""Which groups an account's policy is about.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from fogbank.core.context import Context
from fogbank.core.json_text import NOT_JSON, parse
from fogbank.services.logs.errors import InvalidParameter
from fogbank.services.logs.records import AccountPolicy, Group, LogsTables

SUBSCRIPTION = "SUBSCRIPTION_FILTER_POLICY"
TRANSFORMER = "TRANSFORMER_POLICY"
_EXCLUDED = re.compile(r"\s*LogGroupName\s+NOT\s+IN\s*(\[.*\])\s*", re.DOTALL)
_PREFIX = re.compile(r"\s*LogGroupNamePrefix\s*=\s*\"?([.\-_/#A-Za-z0-9]+)\"?\s*")


def policies_for(ctx: Context, tables: LogsTables, kind: str, group: Group) -> Iterator[AccountPolicy]:
    """The account's policies of that kind that apply to the group."""
    for _, policy in tables.account_policies.scan((ctx.account, ctx.region, kind)):
        excluded, prefix = selection(policy.selection)
        if group.name not in excluded and group.name.startswith(prefix):
            yield policy


@lru_cache(maxsize=256)
def selection(criteria: str) -> tuple[frozenset[str], str]:
    """The names of groups that are left out, and what the others' names begin with."""
    if not criteria.strip():
        return frozenset(), ""
    named = _EXCLUDED.fullmatch(criteria)
    if named is not None:
        names = parse(named[1])
        if names is not NOT_JSON and all(isinstance(name, str) for name in names):
            return frozenset(names), ""
    started = _PREFIX.fullmatch(criteria)
    if started is None:
        raise InvalidParameter("The selection criteria of the policy are not valid.")
    return frozenset(), started[1]
