"""What the operations of a service ask of IAM: the form of the services' authorization tables.

`services/<name>/authorization.py` holds one `AUTHORIZATION`, which follows the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
It is imported when the first request to the service is authorized, and only where that is done.

An operation asks for one thing, `need(…)`, for several (a tuple of them) or for `NOTHING`. Each need is one action on
each of its resources, and each of these must be allowed. A resource, and the value of a condition key, is a template
or a function:

- `"*"` where the action knows no resource.
- `"arn:{partition}:sns:{region}:{account}:{Name}"`: `partition`, `region` and `account` are the caller's; any other
  name is a path into the parameters. If the first of these has an ARN for its value, that stands for the whole, as in
  the many operations that take a name or an ARN. (Not so a later one: the key of an object may look like an ARN.)
- `"{Entries[].Arn}"`: `[]` goes through a list, `.keys()` through the keys of a map. What comes out is many resources.
- A parameter that is not given leaves a `*` in an ARN, which only policies on everything there cover; a template that
  is one parameter and nothing else gives nothing then. A need whose resources are all absent is for `*`.
- `def of(ctx, parameters)` for what a template cannot say: it gives one ARN, several or None.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from fogbank.core.arn import PARTITION

if TYPE_CHECKING:
    from fogbank.core.context import Context
    from fogbank.core.errors import AwsError
    from fogbank.core.policy_evaluation import Identity

Parameters = Mapping[str, Any]
Found = Iterable[str] | str | None
Source = str | Callable[["Context", Parameters], Found]
"""A template or a function, as the module says."""
Resolver = Callable[["Context", Parameters], Sequence[str]]

_FILLED_MAX = 512  # of one template
_CALLERS = ("partition", "region", "account")
_EMPTY: tuple[Any, ...] = (None, {}, [])
_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


class Need(NamedTuple):
    """One action that an operation needs."""

    resources: tuple[Source, ...]
    action: str = ""
    """Without a colon it is an action of the table's service; empty, the operation's own name."""
    when: str | Callable[["Context", Parameters], bool] = ""
    """Only if that path has a value, which an empty list or map is not, or the function says so."""
    tags: str = ""
    """The parameter with tags that the request gives: they become `aws:RequestTag/…` and `aws:TagKeys`."""
    tag_keys: str = ""
    """The parameter with keys of tags to remove: they become `aws:TagKeys`."""
    keys: Mapping[str, Source] = {}
    """Further condition keys."""
    further: Callable[["Context", Parameters], Mapping[str, str | Sequence[str]]] | None = None
    """Condition keys whose names the parameters say, too."""
    parts: Callable[[Parameters], Iterable[Parameters]] | None = None
    """What the parameters come to if each of them is asked for by itself: the entries of a batch that have condition
    keys of their own. One that is allowed must not stand in for another.
    """

    def facts(self, ctx: "Context", parameters: Parameters) -> dict[str, str | Sequence[str]]:
        """The condition keys that the parameters tell."""
        told: dict[str, str | Sequence[str]] = {}
        if self.tags:
            tags = tags_at(parameters, self.tags)
            if tags:
                told |= {f"aws:RequestTag/{key}": value for key, value in tags.items()}
                told["aws:TagKeys"] = list(tags)
        if self.tag_keys:
            keys = [str(key) for key in values_at(parameters, f"{self.tag_keys}[]")]
            if keys:
                told["aws:TagKeys"] = keys
        for key, source in self.keys.items():
            values = found(source, ctx, parameters)
            if values:
                told[key] = values[0] if len(values) == 1 else values
        if self.further is not None:
            told |= self.further(ctx, parameters)
        return told


Needs = Need | tuple[Need, ...]
"""Of one operation: one or several actions."""
NOTHING: tuple[Need, ...] = ()
"""For what every signed request may do, such as GetCallerIdentity."""


class Wording(Enum):
    """How a service words that a request is denied."""

    REASONED = "reasoned"
    """Who may not do what on which resource, and which kind of policy is missing or denies."""
    SHORT = "short"
    """The same without the reason."""
    S3 = "s3"
    """The resource in quotes, and to strangers no more than `Access Denied`."""


class Authorization(NamedTuple):
    """A service's table. Every operation that the service has is in `operations`; a test sees to that."""

    service: str
    """What its actions begin with, such as `sqs`."""
    operations: Mapping[str, Needs]
    denied: str = ""
    """The code of the error where it is not the protocol's `AccessDenied` or `AccessDeniedException`."""
    denied_status: int = 0
    wording: Wording = Wording.REASONED
    anonymous: bool = False
    """Whether requests that nobody signs are let in where a resource's policy allows everybody."""
    unsigned: frozenset[str] = frozenset()
    """Operations that are not signed, such as AssumeRoleWithWebIdentity, and check their callers themselves."""
    policy_decides: frozenset[str] = frozenset()
    """Actions that nobody has unless the resource's policy says so, the caller's own account included: key policies
    of kms, trust policies of roles. Naming the account there leaves it to policies of the account's identities.
    """
    keys: Mapping[str, Source] = {}
    """Condition keys of all its actions."""
    closed_to: "Callable[[Identity, str], AwsError | None] | None" = None
    """The refusal of an operation to identities that may not call it whatever policies say; None if it is open."""

    def needs(self, operation: str) -> tuple[Need, ...] | None:
        """What an operation needs, its actions named in full; None for one that is not in the table."""
        given = self.operations.get(operation)
        if given is None:
            return None
        return tuple(
            self._whole(need, need.action or operation) for need in ((given,) if isinstance(given, Need) else given)
        )

    def _whole(self, need: Need, action: str) -> Need:
        if ":" in action:
            return need._replace(action=action)
        return need._replace(action=f"{self.service}:{action}", keys={**self.keys, **need.keys})


def need(
    *resources: Source,
    action: str = "",
    when: str | Callable[["Context", Parameters], bool] = "",
    tags: str = "",
    tag_keys: str = "",
    keys: Mapping[str, Source] | None = None,
    further: Callable[["Context", Parameters], Mapping[str, str | Sequence[str]]] | None = None,
    parts: Callable[[Parameters], Iterable[Parameters]] | None = None,
) -> Need:
    """See `Need`; without resources it is for `*`."""
    return Need(resources or ("*",), action, when, tags, tag_keys, keys or {}, further, parts)


def alike(operations: str, needs: Needs) -> dict[str, Needs]:
    """The same needs for each of the operations, which are named in one text."""
    return dict.fromkeys(operations.split(), needs)


def pass_role(path: str, *, to: str, when: str | Callable[["Context", Parameters], bool] = "") -> Need:
    """Handing the role in that parameter to a service such as `lambda.amazonaws.com`, if one is given."""
    role = f"{{{path}}}"
    return need(role, action="iam:PassRole", when=when or path, keys={"iam:PassedToService": to})


def pass_roles(roles: Callable[["Context", Parameters], list[str]], *, to: str) -> Need:
    """The same for all roles that a function finds in the parameters."""
    return need(
        roles,
        action="iam:PassRole",
        when=lambda ctx, parameters: bool(roles(ctx, parameters)),
        keys={"iam:PassedToService": to},
    )


# ---- templates ----------------------------------------------------------------------------------------------


def resolver(need: Need) -> Resolver:
    """What gives the resources of a need; `*` if there are none."""
    sources = [_function(source) for source in need.resources]
    if len(sources) > 1:
        return lambda ctx, parameters: [arn for source in sources for arn in _listed(source(ctx, parameters))] or ["*"]
    (only,) = sources

    def arns(ctx: "Context", parameters: Parameters) -> Sequence[str]:
        given = only(ctx, parameters)
        return (given,) if type(given) is str else _listed(given) or ["*"]

    return arns


def due(need: Need) -> Callable[["Context", Parameters], bool] | None:
    """What tells whether a need is there at all; None if it always is."""
    when = need.when
    if not isinstance(when, str):
        return when
    if not when:
        return None
    if "." in when or "[]" in when:
        return lambda ctx, parameters: any(value not in _EMPTY for value in values_at(parameters, when))
    return lambda ctx, parameters: parameters.get(when) not in _EMPTY


def found(source: Source, ctx: "Context", parameters: Parameters) -> list[str]:
    """All that a template or a function gives for these parameters."""
    return _listed(_function(source)(ctx, parameters))


def _function(source: Source) -> Callable[["Context", Parameters], Found]:
    return _template(source) if isinstance(source, str) else source


def _listed(given: Found) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


@cache
def _template(text: str) -> Callable[["Context", Parameters], Found]:
    pieces = _PLACEHOLDER.split(text)  # text, name, text, name, …, text
    names, texts = pieces[1::2], pieces[0::2]
    if not names:
        return lambda ctx, parameters: text
    if len(names) == 1 and texts == ["", ""]:
        return lambda ctx, parameters: [_text(value) for value in values_at(parameters, names[0])]

    if not any("." in name or "[]" in name for name in names):
        own = [name for name in names if name not in _CALLERS]
        if len(own) == 1:
            return _remembering(names, texts, own[0])
        return lambda ctx, parameters: _filled(names, texts, ctx.region, ctx.account, parameters)

    first = next(place for place, name in enumerate(names) if name not in _CALLERS)

    def fill(ctx: "Context", parameters: Parameters) -> list[str]:
        choices = [_choices(name, ctx, parameters) for name in names]
        return [_joined(texts, values, values[first]) for values in product(*choices)]

    return fill


def _remembering(names: Sequence[str], texts: Sequence[str], own: str) -> Callable[["Context", Parameters], Found]:
    """A template with one parameter: most requests name what others named before."""

    @lru_cache(_FILLED_MAX)
    def fill(region: str, account: str, given: str | None) -> str:
        return _filled(names, texts, region, account, {own: given})

    def filled(ctx: "Context", parameters: Parameters) -> str:
        given = parameters.get(own)
        return fill(ctx.region, ctx.account, given if given is None or type(given) is str else _text(given))

    return filled


def _filled(names: Sequence[str], texts: Sequence[str], region: str, account: str, parameters: Parameters) -> str:
    """A template whose names are parameters themselves: nearly every one."""
    whole, first = texts[0], True
    for name, text in zip(names, texts[1:], strict=True):
        match name:
            case "partition":
                value = PARTITION
            case "region":
                value = region
            case "account":
                value = account
            case _:
                given = parameters.get(name)
                value = "*" if given is None else _text(given)
                if first and value.startswith("arn:"):
                    return value
                first = False
        whole += value + text
    return whole


def _choices(name: str, ctx: "Context", parameters: Parameters) -> list[str]:
    match name:
        case "partition":
            return [PARTITION]
        case "region":
            return [ctx.region]
        case "account":
            return [ctx.account]
    return [_text(value) for value in values_at(parameters, name)] or ["*"]


def _joined(texts: Sequence[str], values: Sequence[str], first: str) -> str:
    if first.startswith("arn:"):
        return first
    return texts[0] + "".join(value + text for value, text in zip(values, texts[1:], strict=True))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def values_at(parameters: Any, path: str) -> Iterator[Any]:
    """The values at a path such as `TransactItems[].Put.TableName` or `RequestItems.keys()`; absent ones are left
    out.
    """
    values: list[Any] = [parameters]
    for step in path.split("."):
        name = step.removesuffix("[]")
        if step == "keys()":
            values = [key for value in values if isinstance(value, Mapping) for key in value]
            continue
        values = [value[name] for value in values if isinstance(value, Mapping) and value.get(name) is not None]
        if step.endswith("[]"):
            values = [one for value in values if isinstance(value, list | tuple) for one in value]
    return iter(values)


def tags_at(parameters: Parameters, path: str) -> dict[str, str]:
    """Tags in any of the forms that services have: a map, or a list of keys and values."""
    tags: dict[str, str] = {}
    for given in values_at(parameters, path):
        if isinstance(given, Mapping):
            tags |= {str(key): str(value) for key, value in given.items()}
            continue
        for tag in given if isinstance(given, list | tuple) else ():
            told = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
            tags[str(told.get("key", ""))] = str(told.get("value") or "")
    return tags


def values_named(parameters: Any, *names: str) -> list[str]:
    """The texts that members with one of the names have, however deep."""
    texts: list[str] = []
    waiting: list[Any] = [parameters]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            texts += [inner for name, inner in value.items() if name in names and isinstance(inner, str)]
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return list(dict.fromkeys(texts))
