"""SearchTables: a look through the whole catalog."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt
from typing import Any

from fogbank.core.context import Context
from fogbank.core.pages import page, page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase, place
from fogbank.services.glue.errors import InvalidInput
from fogbank.services.glue.records import CatalogTable
from fogbank.services.glue.tables import table_answer

_COMPARATORS: dict[str, Callable[[float, float], bool]] = {
    "EQUALS": eq,
    "GREATER_THAN": gt,
    "GREATER_THAN_EQUALS": ge,
    "LESS_THAN": lt,
    "LESS_THAN_EQUALS": le,
}
_TIMES = frozenset(("CreateTime", "UpdateTime", "LastAccessTime", "LastAnalyzedTime"))
_TEXTS = frozenset(("Name", "DatabaseName", "Description", "Owner", "TableType", "CatalogId"))
_BETWEEN_TOKENS = re.compile(r"[^0-9A-Za-z]+")

Test = Callable[[dict[str, Any]], bool]


class Search(GlueBase):
    """SearchTables, of `GlueService`."""

    def search_tables(
        self,
        ctx: Context,
        *,
        CatalogId: str | None = None,
        NextToken: str | None = None,
        Filters: list[dict[str, str]] | None = None,
        SearchText: str | None = None,
        SortCriteria: list[dict[str, str]] | None = None,
        MaxResults: int | None = None,
        ResourceShareType: str = "ALL",
    ) -> Answer:
        """Tables whose texts have the words of `SearchText` and that satisfy every filter. A list that is sorted is
        put together anew for each page.
        """
        if ResourceShareType != "ALL":  # Nothing is shared with the account, and nothing is federated.
            return {"TableList": []}
        catalog = place(ctx, CatalogId)
        tests = [_filter(given) for given in Filters or ()]
        if SearchText:
            tests.append(_words(SearchText))

        def wanted(key: tuple[Any, ...], table: CatalogTable) -> bool:
            shown = table_answer(catalog[0], table)
            return all(test(shown) for test in tests)

        if SortCriteria:
            return self._sorted(catalog, SortCriteria[0], wanted, NextToken, MaxResults)
        rows, token = page_of_table(self._tables.tables, catalog, NextToken, MaxResults, wanted=wanted)
        return {"TableList": [table_answer(catalog[0], table) for _, table in rows], **token}

    def _sorted(
        self,
        catalog: tuple[str, str],
        criterion: dict[str, str],
        wanted: Callable[[tuple[Any, ...], CatalogTable], bool],
        token: str | None,
        limit: int | None,
    ) -> Answer:
        field = criterion.get("FieldName", "Name")
        if field not in _TEXTS | _TIMES:
            raise _invalid(field)
        rows = [
            table_answer(catalog[0], table) for key, table in self._tables.tables.scan(catalog) if wanted(key, table)
        ]
        rows.sort(key=lambda table: (field in table, table.get(field)), reverse=criterion.get("Sort") == "DESC")
        places = {f"{number:012d}": table for number, table in enumerate(rows)}
        shown, following = page(list(places), token, limit)
        return {"TableList": [places[number] for number in shown], **following}


def _filter(given: dict[str, str]) -> Test:
    field, value = given.get("Key", ""), given.get("Value", "")
    if not field:
        raise _invalid(field)
    if field in _TIMES:
        moment = _moment(value)
        compare = _COMPARATORS[given.get("Comparator", "EQUALS")]
        return lambda table: field in table and compare(table[field], moment)
    if field in _TEXTS:
        return lambda table: value.lower() == table.get(field, "").lower() or value.lower() in _tokens(table, field)
    return lambda table: table.get("Parameters", {}).get(field) == value


def _words(text: str) -> Test:
    """With quotes the text as it is, without them all of its words."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        exact = text[1:-1].lower()
        return lambda table: exact in [each.lower() for each in _searched(table)]
    words = text.lower().split()
    return lambda table: all(any(word in each.lower() for each in _searched(table)) for word in words)


def _searched(table: dict[str, Any]) -> list[str]:
    columns = [*table.get("StorageDescriptor", {}).get("Columns", []), *table["PartitionKeys"]]
    texts = [table["Name"], table["DatabaseName"], table.get("Description", ""), table.get("Owner", "")]
    texts += [part for column in columns for part in (column["Name"], column.get("Comment", ""))]
    return [*texts, *table.get("Parameters", {}).values()]


def _tokens(table: dict[str, Any], field: str) -> list[str]:
    return _BETWEEN_TOKENS.split(table.get(field, "").lower())


def _moment(text: str) -> float:
    """The seconds of a time that is given as such, or as ISO 8601 has it."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _invalid(text) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _invalid(text: str) -> InvalidInput:
    # AWS's sentence is not recorded.
    return InvalidInput(f"'{text}' is not a field or a time that tables can be searched by.")
