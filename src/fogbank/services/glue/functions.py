"""Functions that users of a database define: kept for the engines that run them."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase, place, without
from fogbank.services.glue.errors import AlreadyExists, EntityNotFound, InvalidInput
from fogbank.services.glue.name_patterns import compile_name_pattern
from fogbank.services.glue.records import Function


class Functions(GlueBase):
    """The operations on user-defined functions, of `GlueService`."""

    def create_user_defined_function(
        self, ctx: Context, *, DatabaseName: str, FunctionInput: dict[str, Any], CatalogId: str | None = None
    ) -> Answer:
        database = self._database(ctx, CatalogId, DatabaseName)
        name = _name(FunctionInput)
        key = (*place(ctx, CatalogId), database.name, name)
        if self._tables.functions.get(key) is not None:
            raise AlreadyExists("Function already exists.")
        self._tables.functions.put(key, Function(name, ctx.now_ms, without(FunctionInput, name="FunctionName")))
        return {}

    def delete_user_defined_function(
        self, ctx: Context, *, DatabaseName: str, FunctionName: str, CatalogId: str | None = None
    ) -> Answer:
        key, _ = self._function(ctx, CatalogId, DatabaseName, FunctionName)
        self._tables.functions.delete(key)
        return {}

    def get_user_defined_function(
        self, ctx: Context, *, DatabaseName: str, FunctionName: str, CatalogId: str | None = None
    ) -> Answer:
        key, function = self._function(ctx, CatalogId, DatabaseName, FunctionName)
        return {"UserDefinedFunction": _answer(key, function)}

    def get_user_defined_functions(
        self,
        ctx: Context,
        *,
        Pattern: str,
        CatalogId: str | None = None,
        DatabaseName: str | None = None,
        FunctionType: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        """Without a database, those of all databases."""
        within: tuple[str, ...] = place(ctx, CatalogId)
        if DatabaseName is not None:
            within = (*within, self._database(ctx, CatalogId, DatabaseName).name)
        matches = compile_name_pattern(Pattern)
        rows, token = page_of_table(
            self._tables.functions,
            within,
            NextToken,
            MaxResults,
            wanted=lambda key, function: (
                matches(function.name) and FunctionType in (None, function.definition.get("FunctionType"))
            ),
        )
        return {"UserDefinedFunctions": [_answer(key, function) for key, function in rows], **token}

    def update_user_defined_function(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        FunctionName: str,
        FunctionInput: dict[str, Any],
        CatalogId: str | None = None,
    ) -> Answer:
        """The whole definition is replaced."""
        key, function = self._function(ctx, CatalogId, DatabaseName, FunctionName)
        if _name(FunctionInput) != function.name:
            # AWS's sentence is not recorded.
            raise InvalidInput("The name of a function cannot be changed.")
        function.definition = without(FunctionInput, name="FunctionName")
        self._tables.functions.put(key, function)
        return {}

    def _function(
        self, ctx: Context, catalog_id: str | None, database: str, name: str
    ) -> tuple[tuple[str, ...], Function]:
        key = (*place(ctx, catalog_id), self._database(ctx, catalog_id, database).name, name.lower())
        function = self._tables.functions.get(key)
        if function is None:
            raise EntityNotFound(f"Function {name.lower()} not found.")
        return key, function


def _name(given: dict[str, Any]) -> str:
    # The model calls the name optional; AWS's sentence is not recorded.
    if "FunctionName" not in given:
        raise InvalidInput("FunctionName must be given.")
    name: str = given["FunctionName"].lower()
    return name


def _answer(key: tuple[Any, ...], function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "DatabaseName": key[2],
        **function.definition,
        "CreateTime": function.created_ms / 1000,
        "CatalogId": key[0],
    }
