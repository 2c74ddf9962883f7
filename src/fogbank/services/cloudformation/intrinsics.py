"""The intrinsic functions.

`Resolver.value(x)` gives `x` with all functions replaced. What is not known before deployment (a resource's physical
id or attribute) comes from the `resources` map; a reference to a resource that is absent from it is a bug in the
caller's order, except in a preview, where `preview=True` leaves a readable placeholder.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from fogbank.core.numerals import whole_number
from fogbank.core.resource import ResourceState
from fogbank.services.cloudformation.errors import ValidationError

SUB = re.compile(r"\$\{([^}]*)\}")
GET_ATT = (
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource "
    "attribute"
)
SELECT = "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"  # how a change set shows what only the deployment will tell
ZONES = ("a", "b", "c")
CIDR_BLOCKS_MAX = 256  # Fn::Cidr: "valid values for count are 1-256"
CONDITION_FUNCTIONS = frozenset(("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"))
RULE_FUNCTIONS = frozenset(("Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"))


class _NoValue:
    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = _NoValue()


def function_of(value: Any) -> str | None:
    """The name of the function that `value` is a call of."""
    if isinstance(value, dict) and len(value) == 1:
        (name,) = value
        if name == "Ref" or name == "Condition" or name.startswith("Fn::"):
            return str(name)
    return None


class Resolver:
    """Everything that functions may refer to."""

    def __init__(
        self,
        *,
        pseudo: Mapping[str, Any],
        parameters: Mapping[str, Any],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        resources: Mapping[str, ResourceState] | None = None,
        declared: frozenset[str] = frozenset(),
        import_value: Callable[[str], str] | None = None,
        preview: bool = False,
    ) -> None:
        self.names = {**parameters, **pseudo, "AWS::NoValue": NO_VALUE}
        self.region = pseudo["AWS::Region"]
        self.mappings = mappings
        self.conditions = conditions
        self.resources = resources if resources is not None else {}
        self.declared = declared
        self.import_value = import_value
        self.preview = preview
        self._decided: dict[str, bool] = {}
        self._deciding: set[str] = set()
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self.ref, "Fn::GetAtt": self._get_att, "Fn::Sub": self._sub, "Fn::Join": self._join,
            "Fn::Select": self._select, "Fn::Split": self._split, "Fn::FindInMap": self._find_in_map,
            "Fn::If": self._if, "Fn::And": self._and, "Fn::Or": self._or, "Fn::Not": self._not,
            "Fn::Equals": self._equals, "Fn::Base64": self._base64, "Fn::Cidr": self._cidr,
            "Fn::GetAZs": self._get_azs, "Fn::ImportValue": self._import_value, "Fn::Length": self._length,
            "Fn::ToJsonString": self._to_json, "Fn::Contains": self._contains,
            "Fn::EachMemberEquals": self._each_member_equals, "Fn::EachMemberIn": self._each_member_in,
        }  # fmt: skip

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            name = function_of(value)
            if name is not None and name != "Condition":
                function = self._functions.get(name)
                if function is None:
                    raise ValidationError(f"Template error: {name} is not supported by Fogbank")
                return function(value[name])
            found = {key: self.value(item) for key, item in value.items()}
            return {key: item for key, item in found.items() if item is not NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self.value, value) if item is not NO_VALUE]
        return value

    def is_absent(self, value: Any) -> bool:
        """Whether a property with this value comes to AWS::NoValue, as far as conditions alone decide that."""
        if function_of(value) == "Fn::If" and isinstance(value["Fn::If"], list) and len(value["Fn::If"]) == 3:
            name, then, otherwise = value["Fn::If"]
            return self.is_absent(then if self.condition(str(name)) else otherwise)
        return bool(value == {"Ref": "AWS::NoValue"})

    def condition(self, name: str) -> bool:
        if name in self._decided:
            return self._decided[name]
        if name not in self.conditions:
            raise ValidationError(f"Template format error: Unresolved condition dependency {name} in the template")
        if name in self._deciding:
            raise ValidationError(f"Template error: Found circular condition dependency on condition {name}")
        self._deciding.add(name)
        self._decided[name] = decided = self.truth(self.conditions[name])
        return decided

    def truth(self, value: Any) -> bool:
        name = function_of(value)
        if name == "Condition":
            return self.condition(str(value["Condition"]))
        if name not in CONDITION_FUNCTIONS | RULE_FUNCTIONS:
            raise ValidationError("Template error: every condition must be a Fn::And, Fn::Or, Fn::Not or Fn::Equals")
        return bool(self._functions[str(name)](value[str(name)]))

    # ---- references ---------------------------------------------------------------------------------------------

    def ref(self, name: Any) -> Any:
        if not isinstance(name, str):
            raise ValidationError("Template error: every Ref object must have a single String value.")
        if name in self.names:
            return self.names[name]
        if name in self.resources:
            return self.resources[name].physical_id
        if self.preview and name in self.declared:
            return UNKNOWN
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    def _get_att(self, value: Any) -> Any:
        path = value.split(".", 1) if isinstance(value, str) else value
        if not isinstance(path, list) or len(path) < 2:
            raise ValidationError(GET_ATT)
        return self._attribute(str(path[0]), ".".join(str(self.value(part)) for part in path[1:]))

    def _attribute(self, name: str, attribute: str) -> Any:
        state = self.resources.get(name)
        if state is None:
            if self.preview and name in self.declared:
                return UNKNOWN
            raise ValidationError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        if attribute in state.attributes:
            return state.attributes[attribute]
        found: Any = state.attributes
        for part in attribute.split("."):
            if not isinstance(found, Mapping) or part not in found:
                if self.preview:
                    return UNKNOWN
                raise ValidationError(f"Requested attribute {attribute} does not exist in schema for {name}")
            found = found[part]
        return found

    # ---- text ---------------------------------------------------------------------------------------------------

    def _sub(self, value: Any) -> str:
        text, own = value if isinstance(value, list) and len(value) == 2 else (value, {})
        if not isinstance(text, str) or not isinstance(own, dict):
            raise ValidationError(
                "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
                "string as first argument, and an optional second argument to specify a mapping of values to replace "
                "in the string"
            )
        names = {key: self.value(item) for key, item in own.items()}

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in names:
                return _as_text(names[name])
            if "." in name and name not in self.names:
                return _as_text(self._attribute(*name.split(".", 1)))
            return _as_text(self.ref(name))

        return SUB.sub(replace, text)

    def _join(self, value: Any) -> str:
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
            raise ValidationError(
                "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a "
                "list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) "
                "to be joined."
            )
        parts = self.value(value[1])
        if not isinstance(parts, list):
            raise ValidationError("Template error: every Fn::Join object requires a list of strings to be joined.")
        return value[0].join(map(_as_text, parts))

    def _split(self, value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValidationError(
                "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a "
                "string to be split or a function that returns a string to be split."
            )
        if not isinstance(value[0], str) or not value[0]:
            raise ValidationError("Template error: Fn::Split requires a delimiter that is not empty")
        text = _as_text(self.value(value[1]))
        return [UNKNOWN] if self.preview and UNKNOWN in text else text.split(value[0])

    def _select(self, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise ValidationError(SELECT)
        index, items = whole_number(str(self.value(value[0]))), self.value(value[1])
        if self.preview and UNKNOWN in str(items):
            return UNKNOWN
        if index is None or not isinstance(items, list) or index >= len(items):
            raise ValidationError(SELECT)
        return items[index]

    def _base64(self, value: Any) -> str:
        return base64.b64encode(_as_text(self.value(value)).encode()).decode()

    def _to_json(self, value: Any) -> str:
        return json.dumps(self.value(value), separators=(",", ":"))

    def _length(self, value: Any) -> int:
        items = self.value(value)
        if not isinstance(items, list):
            raise ValidationError("Template error: every Fn::Length object requires a list")
        return len(items)

    # ---- look-ups -----------------------------------------------------------------------------------------------

    def _find_in_map(self, value: Any) -> Any:
        if not isinstance(value, list) or len(value) not in (3, 4):
            raise ValidationError("Template error: every Fn::FindInMap object requires three parameters")
        name, top, second = (str(self.value(part)) for part in value[:3])
        try:
            return self.value(self.mappings[name][top][second])
        except (KeyError, TypeError):
            if len(value) == 4 and "DefaultValue" in value[3]:
                return self.value(value[3]["DefaultValue"])
            raise ValidationError(f"Template error: Unable to get mapping for {name}::{top}::{second}") from None

    def _get_azs(self, value: Any) -> list[str]:
        region = self.value(value) or self.region
        return [f"{region}{zone}" for zone in ZONES]

    def _cidr(self, value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) not in (2, 3):
            raise ValidationError("Template error: every Fn::Cidr object requires two or three parameters")
        block, count, *bits = (self.value(part) for part in value)
        wanted = _integer(count, "Fn::Cidr")
        width = _integer(bits[0], "Fn::Cidr") if bits else 8
        if not 1 <= wanted <= CIDR_BLOCKS_MAX:
            raise ValidationError("Template error: Fn::Cidr requires a count between 1 and 256")
        try:
            network = ipaddress.ip_network(str(block), strict=False)
            subnets = list(islice(network.subnets(new_prefix=network.max_prefixlen - width), wanted))
        except ValueError as error:
            raise ValidationError(f"Template error: Fn::Cidr cannot divide {block}: {error}") from None
        if len(subnets) < wanted:
            raise ValidationError(f"Template error: Fn::Cidr cannot make {wanted} blocks of {block}")
        return [str(subnet) for subnet in subnets]

    def _import_value(self, value: Any) -> str:
        name = _as_text(self.value(value))
        if self.import_value is None:
            return f"{{{{changeSet:IMPORT:{name}}}}}"
        return self.import_value(name)

    # ---- conditions ---------------------------------------------------------------------------------------------

    def _if(self, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 3:
            raise ValidationError("Template error: Fn::If requires a list argument with three parameters")
        return self.value(value[1] if self.condition(str(value[0])) else value[2])

    def _equals(self, value: Any) -> bool:
        if not isinstance(value, list) or len(value) != 2:
            raise ValidationError("Template error: Fn::Equals requires a list argument with two parameters")
        left, right = (self.value(part) for part in value)
        return _as_text(left) == _as_text(right)

    def _and(self, value: Any) -> bool:
        return all(self.truth(part) for part in _operands(value, "Fn::And"))

    def _or(self, value: Any) -> bool:
        return any(self.truth(part) for part in _operands(value, "Fn::Or"))

    def _not(self, value: Any) -> bool:
        if not isinstance(value, list) or len(value) != 1:
            raise ValidationError("Template error: Fn::Not requires a list argument with one parameter")
        return not self.truth(value[0])

    # ---- rules --------------------------------------------------------------------------------------------------

    def _contains(self, value: Any) -> bool:
        members, wanted = self._members(value, "Fn::Contains")
        return wanted in members

    def _each_member_equals(self, value: Any) -> bool:
        members, wanted = self._members(value, "Fn::EachMemberEquals")
        return all(member == wanted for member in members)

    def _each_member_in(self, value: Any) -> bool:
        members, allowed = self._members(value, "Fn::EachMemberIn")
        return isinstance(allowed, list) and all(member in allowed for member in members)

    def _members(self, value: Any, name: str) -> tuple[list[Any], Any]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValidationError(f"Template error: every {name} object requires two parameters")
        members, other = self.value(value[0]), self.value(value[1])
        if not isinstance(members, list):
            raise ValidationError(f"Template error: {name} requires a list of strings as its first parameter")
        return members, other


def _operands(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not 2 <= len(value) <= 10:
        raise ValidationError(
            f"Template error: every {name} object requires a list of at least 2 and at most 10 conditions"
        )
    return value


def _integer(value: Any, function: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValidationError(f"Template error: {function} requires an integer, not {value}") from None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_as_text, value))
    return str(value)
