"""Rules: assertions about parameters that must hold before anything is done (CDK checks its bootstrap version so).

Functions that look at a parameter's attributes or at all parameters of a type (Fn::RefAll, Fn::ValueOf,
Fn::ValueOfAll) are refused.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from collections.abc import Mapping
from typing import Any

from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.intrinsics import Resolver


def check(rules: Mapping[str, Any], resolver: Resolver) -> None:
    """Refuse the template if an assertion of a rule that applies does not hold."""
    for name, rule in rules.items():
        if not isinstance(rule, dict) or not isinstance(rule.get("Assertions"), list):
            raise ValidationError(f"Template format error: Rule {name} must have a list of Assertions")
        if "RuleCondition" in rule and not resolver.truth(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not isinstance(assertion, dict) or "Assert" not in assertion:
                raise ValidationError(f"Template format error: every assertion of rule {name} must have an Assert")
            if not resolver.truth(assertion["Assert"]):
                # AWS's own wording is not recorded anywhere we know; it shows the rule and its description.
                told = assertion.get("AssertDescription", "an assertion does not hold")
                raise ValidationError(f"Rule {name} failed: {told}")
