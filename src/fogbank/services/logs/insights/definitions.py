"""Saved queries.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.groups import Groups
from fogbank.services.logs.insights.records import InsightsTables, QueryDefinition
from fogbank.services.logs.pages import page

DEFINITIONS_MAX = 1000


class QueryDefinitions(Groups):
    """The operations on query definitions of `LogsService`. Their queries are looked at when they are run."""

    _insights: InsightsTables

    def put_query_definition(
        self,
        ctx: Context,
        *,
        name: str,
        queryString: str,
        queryDefinitionId: str | None = None,
        logGroupNames: list[str] | None = None,
        clientToken: str = "",
        queryLanguage: str = "CWLI",
        parameters: list[dict[str, str]] | None = None,
    ) -> Answer:
        """A request that is repeated with its token answers with the definition that it made."""
        place = (ctx.account, ctx.region)
        if queryDefinitionId is None and clientToken:
            made = (found.id for _, found in self._insights.definitions.scan(place) if found.token == clientToken)
            queryDefinitionId = next(made, None)
        if queryDefinitionId is None:
            if self._insights.definitions.count(place) >= DEFINITIONS_MAX:
                raise LimitExceeded(f"There can be up to {DEFINITIONS_MAX} query definitions in a region.")
            token = clientToken
        else:
            token = self._definition(ctx, queryDefinitionId).token
        if parameters and queryLanguage != "CWLI":
            raise InvalidParameter("Query parameters are only supported for queries in CWLI.")
        names = [parameter["name"] for parameter in parameters or ()]
        if len(set(names)) != len(names):
            raise InvalidParameter("The names of query parameters must be unique.")
        definition = QueryDefinition(
            queryDefinitionId or new_id(),
            name,
            queryString,
            ctx.now_ms,
            language=queryLanguage,
            groups=logGroupNames or [],
            parameters=parameters or [],
            token=token,
        )
        self._insights.definitions.put((*place, definition.id), definition)
        return {"queryDefinitionId": definition.id}

    def describe_query_definitions(
        self,
        ctx: Context,
        *,
        queryLanguage: str | None = None,
        queryDefinitionNamePrefix: str = "",
        maxResults: int = 1000,
        nextToken: str | None = None,
    ) -> Answer:
        definitions = [
            definition
            for _, definition in self._insights.definitions.scan((ctx.account, ctx.region))
            if definition.name.startswith(queryDefinitionNamePrefix) and queryLanguage in (None, definition.language)
        ]
        definitions.sort(key=lambda definition: (definition.name, definition.id))
        return page("queryDefinitions", [_described(definition) for definition in definitions], nextToken, maxResults)

    def delete_query_definition(self, ctx: Context, *, queryDefinitionId: str) -> Answer:
        self._definition(ctx, queryDefinitionId)
        self._insights.definitions.delete((ctx.account, ctx.region, queryDefinitionId))
        return {"success": True}

    def _definition(self, ctx: Context, definition_id: str) -> QueryDefinition:
        definition = self._insights.definitions.get((ctx.account, ctx.region, definition_id))
        if definition is None:
            raise ResourceNotFound(f"Query definition {definition_id} does not exist.")
        return definition


def _described(definition: QueryDefinition) -> dict[str, Any]:
    row: dict[str, Any] = {
        "queryLanguage": definition.language,
        "queryDefinitionId": definition.id,
        "name": definition.name,
        "queryString": definition.text,
        "lastModified": definition.modified_ms,
        "logGroupNames": definition.groups,
    }
    return row | ({"parameters": definition.parameters} if definition.parameters else {})
