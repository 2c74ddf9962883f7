"""DynamoDB's expression language: text is parsed once into closures over items."""

from fogbank.services.dynamodb.expressions.bindings import NO_BINDINGS, Bindings, bind
from fogbank.services.dynamodb.expressions.conditions import Condition, parse_condition
from fogbank.services.dynamodb.expressions.keys import KeyRange, parse_key_condition
from fogbank.services.dynamodb.expressions.projection import Projection, parse_projection, projection
from fogbank.services.dynamodb.expressions.updates import Update, parse_update
from fogbank.services.dynamodb.expressions.writer import ExpressionWriter

__all__ = [
    "NO_BINDINGS",
    "Bindings",
    "Condition",
    "ExpressionWriter",
    "KeyRange",
    "Projection",
    "Update",
    "bind",
    "parse_condition",
    "parse_key_condition",
    "parse_projection",
    "parse_update",
    "projection",
]
