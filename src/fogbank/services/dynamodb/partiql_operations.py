"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html
"""

import base64
import binascii
import zlib
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import DuplicateItem, ThroughputExceeded, Validation
from fogbank.services.dynamodb.expressions import Condition as Predicate
from fogbank.services.dynamodb.expressions import (
    ExpressionWriter,
    KeyRange,
    Projection,
    parse_condition,
    parse_key_condition,
)
from fogbank.services.dynamodb.expressions.bindings import Path, lookup
from fogbank.services.dynamodb.items import read_costs
from fogbank.services.dynamodb.partiql import (
    Delete,
    Exists,
    Insert,
    Select,
    Statement,
    Update,
    Wanted,
    condition_text,
    item_key,
    joined,
    parse_statement,
    update_text,
    wanted,
)
from fogbank.services.dynamodb.partiql.statements import Condition
from fogbank.services.dynamodb.queries import PAGE_BYTES_MAX, Source, read_page
from fogbank.services.dynamodb.records import StoredItem, TableRecord
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.transactions import Transactions
from fogbank.services.dynamodb.values import Item, Value, key_bytes
from fogbank.services.dynamodb.writes import Write, Writes, parse_update_expressions, parse_write_condition


class Position(msgspec.Struct, array_like=True):
    """Where a SELECT goes on: in which of its partitions, behind which key. `statement` tells whose it is."""

    statement: int
    partition: int
    after: Item | None


class PartiQLOperations(TableAccess):
    """The operations of PartiQL of `DynamoDBService`."""

    _writes: Writes
    _transactions: Transactions

    def execute_statement(
        self,
        ctx: Context,
        *,
        Statement: str,
        Parameters: list[Value] | None = None,
        ConsistentRead: bool = False,
        NextToken: str | None = None,
        ReturnConsumedCapacity: str | None = None,
        Limit: int | None = None,
        ReturnValuesOnConditionCheckFailure: str | None = None,
    ) -> Answer:
        statement = parse_statement(Statement, Parameters or ())
        consumed = Consumed()
        answer: dict[str, Any]
        if isinstance(statement, Select):
            fingerprint = zlib.crc32(Statement.encode())
            position = _decode(NextToken, fingerprint) if NextToken is not None else Position(fingerprint, 0, None)
            answer = self._select(ctx, statement, position, ConsistentRead, Limit, consumed)
        elif isinstance(statement, Exists):
            raise Validation("EXISTS can only be used as a statement of a transaction")
        else:
            show = ReturnValuesOnConditionCheckFailure == "ALL_OLD"
            returned = self._change(ctx, statement, "ExecuteStatement", consumed, show=show)
            answer = {"Items": [returned] if returned else []}
        return answer | consumed.only(ReturnConsumedCapacity)

    def batch_execute_statement(
        self, ctx: Context, *, Statements: list[dict[str, Any]], ReturnConsumedCapacity: str | None = None
    ) -> Answer:
        consumed = Consumed()
        parsed = [_parse_of_batch(request) for request in Statements]
        if len({isinstance(statement, Select) for statement in parsed if not isinstance(statement, AwsError)}) > 1:
            raise Validation("All statements of a batch must be reads, or all must be writes")
        responses = [
            self._response(ctx, statement, request, consumed)
            for statement, request in zip(parsed, Statements, strict=True)
        ]
        answer: dict[str, Any] = {"Responses": responses}
        if capacity := consumed.answer(ReturnConsumedCapacity):
            answer["ConsumedCapacity"] = capacity
        return answer

    def _response(
        self, ctx: Context, statement: Statement | AwsError, request: dict[str, Any], consumed: Consumed
    ) -> dict[str, Any]:
        """The answer to one statement of a batch, which fails for itself."""
        response: dict[str, Any] = {}
        try:
            if isinstance(statement, AwsError):
                raise statement
            if isinstance(statement, Exists):
                raise Validation("EXISTS can only be used as a statement of a transaction")
            response["TableName"] = statement.table
            if isinstance(statement, Select):
                item = self._get(ctx, statement, request.get("ConsistentRead", False), consumed)
            else:
                show = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
                item = self._change(ctx, statement, "BatchExecuteStatement", consumed, show=show)
            if item is not None:
                response["Item"] = item
        except AwsError as error:
            if not error.sender:
                raise
            response["Error"] = {"Code": _batch_code(error), "Message": error.message, **error.members}
        return response

    def execute_transaction(
        self,
        ctx: Context,
        *,
        TransactStatements: list[dict[str, Any]],
        ClientRequestToken: str | None = None,
        ReturnConsumedCapacity: str | None = None,
    ) -> Answer:
        statements = [
            parse_statement(request["Statement"], request.get("Parameters") or ()) for request in TransactStatements
        ]
        selects = [statement for statement in statements if isinstance(statement, Select)]
        if selects:
            if len(selects) != len(statements):
                raise Validation("All statements of a transaction must be reads, or all must be writes")
            found = [self._find(ctx, select) for select in selects]
            return self._transactions.read(ctx, found, ReturnConsumedCapacity, operation="ExecuteTransaction")
        writes = [
            (self._write_of(ctx, statement)[0], request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")
            for statement, request in zip(statements, TransactStatements, strict=True)
            if not isinstance(statement, Select)
        ]
        answer = self._transactions.write(
            ctx, writes, token=ClientRequestToken, request=TransactStatements, capacity=ReturnConsumedCapacity,
            operation="ExecuteTransaction",
        )  # fmt: skip
        return {"Responses": []} | answer

    # ---- reading ------------------------------------------------------------------------------------------------

    def _select(
        self,
        ctx: Context,
        select: Select,
        position: Position,
        consistent: bool,
        limit: int | None,
        consumed: Consumed,
    ) -> dict[str, Any]:
        table = self._shared_table(ctx, select.table)
        if select.index_name is not None and table.index(select.index_name) is None:
            raise Validation("The table does not have the specified index")
        index = self._index(table, select.index_name)
        if consistent and index is not None and not index.local:
            raise Validation("Consistent reads are not supported on global secondary indexes")
        source = Source(self._tables, self._items, table, index)
        # Where several attributes are the partition key, all of the index is read.
        keys = source.keys[:2] if source.partition_parts == 1 else []
        asked = wanted(select.where, keys)
        forward = _direction(select, keys, asked)
        ranges = _ranges(asked, source)
        keep = _filter(asked.rest)
        fetch = source.fetcher(whole=bool(select.paths))
        items: list[Item] = []
        scanned = size = 0
        following: Position | None = None
        after = source.start_key(position.after) if position.after is not None else None
        for number in range(position.partition, len(ranges)):
            page = read_page(
                source, ranges[number], after=after, forward=forward,
                limit=None if limit is None else limit - scanned, keep=keep, segment=None,
                fetch=fetch,
            )  # fmt: skip
            items += page.items
            scanned += page.scanned
            size += page.bytes_read
            after = None
            if page.last_key is not None:
                following = Position(position.statement, number, page.last_key)
                break
            if (scanned == limit or size >= PAGE_BYTES_MAX) and number + 1 < len(ranges):
                following = Position(position.statement, number + 1, None)
                break
        costs = read_costs(size, consistent=consistent, index=index)
        self._items.charge(ctx, table, costs, write=False, consumed=consumed, operation="ExecuteStatement")
        project = _projection(select.paths)
        answer: dict[str, Any] = {"Items": [project(item) for item in items] if project is not None else items}
        if following is not None:
            answer["NextToken"] = base64.b64encode(msgspec.msgpack.encode(following)).decode()
            if following.after is not None:
                answer["LastEvaluatedKey"] = following.after
        return answer

    def _find(self, ctx: Context, select: Select) -> tuple[TableRecord, StoredItem | None, Projection | None]:
        """The one item that a SELECT names by its whole key."""
        table = self._shared_table(ctx, select.table)
        if select.where is None or select.index_name is not None:
            raise Validation("Select statements within a batch or transaction must specify the primary key")
        key, rest = item_key(select.where, table.keys)
        stored = self._items.get(self._items.key_of(table, key))
        keep = _filter(rest)
        if stored is not None and keep is not None and not keep(stored.item):
            stored = None
        return table, stored, _projection(select.paths)

    def _get(self, ctx: Context, select: Select, consistent: bool, consumed: Consumed) -> Item | None:
        table, stored, project = self._find(ctx, select)
        costs = read_costs(stored.size if stored else 0, consistent=consistent)
        self._items.charge(ctx, table, costs, write=False, consumed=consumed, operation="BatchExecuteStatement")
        if stored is None:
            return None
        return stored.item if project is None else project(stored.item)

    # ---- writing ------------------------------------------------------------------------------------------------

    def _change(
        self, ctx: Context, statement: Insert | Update | Delete, operation: str, consumed: Consumed, *, show: bool
    ) -> Item | None:
        """Run a write; what its RETURNING asks for."""
        write, returns = self._write_of(ctx, statement)
        old, new = self._writes.run(ctx, write, operation=operation, consumed=consumed, show_on_failure=show)
        return write.returned(returns, old, new)

    def _write_of(self, ctx: Context, statement: Insert | Update | Delete | Exists) -> tuple[Write, str]:
        """The write that a statement stands for, and its ReturnValues."""
        writer = ExpressionWriter()
        if isinstance(statement, Insert):
            table = self._shared_table(ctx, statement.table)
            condition = f"attribute_not_exists({writer.path((table.keys[0],))})"
            write = Write.put(table, StoredItem.of(statement.item), parse_write_condition(condition, writer.bindings()))
            write.refused_as = DuplicateItem
            return write, "NONE"
        if isinstance(statement, Exists):
            where = statement.select.where
            if where is None:
                raise Validation("EXISTS must name an item by its primary key")
            table = self._shared_table(ctx, statement.select.table)
            key, rest = item_key(where, table.keys)
            condition = _present(table, rest, writer)
            return Write.check(table, key, parse_write_condition(condition, writer.bindings())), "NONE"
        table = self._shared_table(ctx, statement.table)
        key, rest = item_key(statement.where, table.keys)
        if isinstance(statement, Update):
            text, condition = update_text(statement.changes, writer), _present(table, rest, writer)
            expressions = parse_update_expressions(text, condition, writer.bindings())
            return Write.update(table, key, expressions), statement.returns
        # To delete what is not there succeeds, whatever else is asked of it.
        unless = f"attribute_not_exists({writer.path((table.keys[0],))}) OR ({joined(rest, writer)})" if rest else None
        return Write.delete(table, key, parse_write_condition(unless, writer.bindings())), statement.returns


def _parse_of_batch(request: dict[str, Any]) -> Statement | AwsError:
    try:
        return parse_statement(request["Statement"], request.get("Parameters") or ())
    except Validation as error:
        return error


def _batch_code(error: AwsError) -> str:
    if isinstance(error, ThroughputExceeded):
        return error.reason_code
    return "ValidationError" if isinstance(error, Validation) else error.code.removesuffix("Exception")


def _present(table: TableRecord, rest: list[Condition], writer: ExpressionWriter) -> str:
    """The item is there, and the other conditions hold."""
    exists = f"attribute_exists({writer.path((table.keys[0],))})"
    return " AND ".join((exists, *(f"({condition_text(part, writer)})" for part in rest)))


def _filter(rest: list[Condition]) -> Predicate | None:
    if not rest:
        return None
    writer = ExpressionWriter()
    text = joined(rest, writer)
    return parse_condition(text, "FilterExpression", writer.bindings())


def _projection(paths: list[Path]) -> Projection | None:
    """A path's value is returned under its last name; one that ends in an index under its place in the list."""
    if not paths:
        return None
    named = [(path[-1] if isinstance(path[-1], str) else f"_{place}", path) for place, path in enumerate(paths, 1)]

    def project(item: Item) -> Item:
        found = ((name, lookup(item, path)) for name, path in named)
        return {name: value for name, value in found if value is not None}

    return project


def _ranges(asked: Wanted, source: Source) -> list[KeyRange | None]:
    if asked.partitions is None:
        return [None]
    ranges: list[KeyRange | None] = []
    for partition in asked.partitions:
        writer = ExpressionWriter()
        text = f"{writer.path((source.keys[0],))} = {writer.value(partition)}"
        if asked.sort is not None:
            text += f" AND {condition_text(asked.sort, writer)}"
        ranges.append(parse_key_condition(text, writer.bindings(), schema=source.schema()))
    return ranges


def _direction(select: Select, keys: list[str], asked: Wanted) -> bool:
    """Whether partitions are read upwards, after ORDER BY. Partitions are put in the order it asks for."""
    if not select.order:
        return True
    if asked.partitions is None:
        raise Validation(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    for name, _ in select.order:
        if name not in keys:
            raise Validation(f"Variable reference {name} in ORDER BY clause must be part of the primary key")
    ordering = dict(select.order)
    if keys[0] in ordering:
        asked.partitions.sort(key=key_bytes, reverse=not ordering[keys[0]])
    elif len(asked.partitions) > 1:
        raise NotImplementedInFogbank("ORDER BY of several partitions by their sort key alone is not implemented")
    return ordering.get(keys[-1], True)


def _decode(token: str, statement: int) -> Position:
    try:
        position = msgspec.msgpack.decode(base64.b64decode(token, validate=True), type=Position)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Validation("Given NextToken is invalid") from None
    if position.statement != statement:
        raise Validation("NextToken does not match request")
    return position
