"""PartiQL for DynamoDB: statements are parsed here and run as the reads, writes and expressions they stand for.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from fogbank.services.dynamodb.partiql.keys import Wanted, item_key, wanted
from fogbank.services.dynamodb.partiql.parser import parse_statement
from fogbank.services.dynamodb.partiql.statements import Delete, Exists, Insert, Select, Statement, Update
from fogbank.services.dynamodb.partiql.translation import condition_text, joined, update_text

__all__ = [
    "Delete",
    "Exists",
    "Insert",
    "Select",
    "Statement",
    "Update",
    "Wanted",
    "condition_text",
    "item_key",
    "joined",
    "parse_statement",
    "update_text",
    "wanted",
]
