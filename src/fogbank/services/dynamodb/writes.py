"""One write of one item: put, update, delete or a condition check, alone or within a transaction."""

from collections.abc import Collection
from typing import NamedTuple

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import ConditionalCheckFailed, Validation
from fogbank.services.dynamodb.expressions import Bindings, Condition, Update, parse_condition, parse_update, projection
from fogbank.services.dynamodb.items import Items, Key, check_size, item_of, write_costs
from fogbank.services.dynamodb.records import StoredItem, TableRecord
from fogbank.services.dynamodb.values import Item


class Write:
    """What is to be done to one item. Exactly one of `item`, `key` says which; an `item` has been checked."""

    __slots__ = ("action", "condition", "item", "key", "refused_as", "table", "update_expression")

    def __init__(
        self,
        action: str,
        table: TableRecord,
        *,
        key: Item | None = None,
        item: StoredItem | None = None,
        update: Update | None = None,
        condition: Condition | None = None,
        refused_as: type[AwsError] = ConditionalCheckFailed,
    ) -> None:
        self.action = action
        self.table = table
        self.key = key
        self.item = item
        self.update_expression = update
        self.condition = condition
        self.refused_as = refused_as

    @classmethod
    def put(cls, table: TableRecord, item: StoredItem, condition: Condition | None) -> "Write":
        return cls("Put", table, item=item, condition=condition)

    @classmethod
    def delete(cls, table: TableRecord, key: Item, condition: Condition | None) -> "Write":
        return cls("Delete", table, key=key, condition=condition)

    @classmethod
    def check(cls, table: TableRecord, key: Item, condition: Condition | None) -> "Write":
        return cls("ConditionCheck", table, key=key, condition=condition)

    @classmethod
    def update(cls, table: TableRecord, key: Item, expressions: "UpdateExpressions") -> "Write":
        update, condition = expressions
        for path in update.paths if update is not None else ():
            if path[0] in table.keys:
                raise Validation(
                    f"One or more parameter values were invalid: Cannot update attribute {path[0]}. "
                    "This attribute is part of the key"
                )
        return cls("Update", table, key=key, update=update, condition=condition)

    def named(self) -> Item:
        """The item or key that was given: what has at least the item's key."""
        if self.item is not None:
            return self.item.item
        assert self.key is not None
        return self.key

    def refusal(self, stored: StoredItem | None, *, show_item: bool) -> AwsError:
        """The error of a condition that does not hold for that item."""
        return self.refused_as(members={"Item": stored.item} if show_item and stored is not None else {})

    def returned(self, wanted: str, old: StoredItem | None, new: StoredItem | None) -> Item | None:
        """What ReturnValues asks for."""
        match wanted:
            case "NONE":
                return None
            case "ALL_OLD":
                return item_of(old)
            case "ALL_NEW":
                return item_of(new)
        source = old if wanted == "UPDATED_OLD" else new
        if source is None or self.update_expression is None:
            return None
        return projection(self.update_expression.paths)(source.item)


class Change(NamedTuple):
    """What a write does to an item: before and after. `refused`: its condition does not hold."""

    key: Key
    old: StoredItem | None
    new: StoredItem | None
    refused: bool = False

    @property
    def size(self) -> int:
        """The bytes of the item that is left or, where none is, of the one that was there."""
        stored = self.new or self.old
        return stored.size if stored is not None else 0


class Writes:
    """Runs writes in the current transaction."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def key(self, write: Write) -> Key:
        if write.item is not None:
            return self._items.key_of_item(write.table, write.item.item)
        assert write.key is not None
        return self._items.key_of(write.table, write.key)

    def plan(self, write: Write) -> Change:
        """What the write would do now. Nothing is changed."""
        key = self.key(write)
        old = self._items.get(key)
        if write.condition is not None and not write.condition(old.item if old else {}):
            return Change(key, old, old, refused=True)
        return Change(key, old, self._changed(write, old))

    def keep(self, ctx: Context, write: Write, change: Change) -> None:
        if write.action != "ConditionCheck":
            self._items.put(ctx, write.table, change.key, change.old, change.new)

    def run(
        self, ctx: Context, write: Write, *, operation: str | None, consumed: Consumed, show_on_failure: bool
    ) -> tuple[StoredItem | None, StoredItem | None]:
        """Do it; the item before and after. `operation`: see `Items.charge`."""
        change = self.plan(write)
        costs = write_costs(write.table, change.old, change.new)
        self._items.charge(ctx, write.table, costs, write=True, consumed=consumed, operation=operation)
        if change.refused:
            raise write.refusal(change.old, show_item=show_on_failure)
        self.keep(ctx, write, change)
        return change.old, change.new

    def _changed(self, write: Write, old: StoredItem | None) -> StoredItem | None:
        if write.action == "ConditionCheck":
            return old
        if write.action == "Delete":
            return None
        if write.item is not None:
            check_size(write.item)
            return write.item
        assert write.key is not None
        if write.update_expression is None:
            return old if old is not None else StoredItem.of(write.key)
        new = StoredItem.of(write.update_expression.apply(old.item if old is not None else write.key))
        self._items.check_index_keys(write.table, new.item)
        check_size(new, update=True)
        return new


class UpdateExpressions(NamedTuple):
    """What an update does, and on what condition."""

    update: Update | None
    condition: Condition | None


def parse_write_condition(text: str | None, bindings: Bindings) -> Condition | None:
    """The condition of a write that has no other expression."""
    condition = parse_condition(text, "ConditionExpression", bindings) if text is not None else None
    bindings.finish(used=text is not None)
    return condition


def parse_update_expressions(update: str | None, condition: str | None, bindings: Bindings) -> UpdateExpressions:
    parsed = parse_update(update, bindings) if update is not None else None
    checked = parse_condition(condition, "ConditionExpression", bindings) if condition is not None else None
    bindings.finish(used=update is not None or condition is not None)
    return UpdateExpressions(parsed, checked)


class Filter(NamedTuple):
    """A FilterExpression, and the attributes that it names."""

    condition: Condition
    names: frozenset[str]

    def check(self, keys: Collection[str]) -> None:
        """A query's filter may not use the keys that the query already asks for."""
        for name in keys:
            if name in self.names:
                raise Validation(
                    f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
                )


def parse_filter(text: str | None, bindings: Bindings) -> Filter | None:
    if text is None:
        return None
    used = bindings.watch_names()
    condition = parse_condition(text, "FilterExpression", bindings)
    return Filter(condition, frozenset(used))
