"""What the Glue Data Catalog's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
What is in a database also asks for the database, and both for the catalog.
"""

from collections.abc import Iterator

from fogbank.core.authorization import Authorization, Parameters, alike, need, values_at
from fogbank.core.context import Context


def _arn(ctx: Context, parameters: Parameters, resource: str) -> str:
    """An ARN in the catalog that is asked for; names in a catalog are in lower case."""
    return ctx.at(account=parameters.get("CatalogId")).arn("glue", resource)


def _database(parameters: Parameters) -> str:
    """The name: of an operation on databases, or on what is in one."""
    given = parameters.get("DatabaseName") or parameters.get("Name")
    given = given or next(values_at(parameters, "DatabaseInput.Name"), "*")
    return str(given).lower()


def _of_catalog(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, parameters, "catalog")


def _of_database(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, parameters, f"database/{_database(parameters)}")


def _of_table(ctx: Context, parameters: Parameters) -> Iterator[str]:
    """The table or the tables that are named; all of the database where none is."""
    named = [parameters.get("TableName"), parameters.get("Name") if "DatabaseName" in parameters else None]
    named += [*values_at(parameters, "TableInput.Name"), *values_at(parameters, "TablesToDelete[]")]
    for name in [name for name in named if name] or ["*"]:
        yield _arn(ctx, parameters, f"table/{_database(parameters)}/{str(name).lower()}")


def _of_function(ctx: Context, parameters: Parameters) -> str:
    name = str(parameters.get("FunctionName") or next(values_at(parameters, "FunctionInput.FunctionName"), "*"))
    return _arn(ctx, parameters, f"userDefinedFunction/{_database(parameters)}/{name.lower()}")


_ON_TABLE = need(_of_catalog, _of_database, _of_table)
_ON_DATABASE = need(_of_catalog, _of_database)
_ON_FUNCTION = need(_of_catalog, _of_database, _of_function)

AUTHORIZATION = Authorization(
    "glue",
    operations={
        **alike(
            "BatchCreatePartition BatchDeletePartition BatchDeleteTable BatchDeleteTableVersion BatchGetPartition "
            "BatchUpdatePartition CreatePartition CreatePartitionIndex CreateTable "
            "DeleteColumnStatisticsForPartition DeleteColumnStatisticsForTable DeletePartition DeletePartitionIndex "
            "DeleteTable DeleteTableVersion GetColumnStatisticsForPartition GetColumnStatisticsForTable GetPartition "
            "GetPartitionIndexes GetPartitions GetTable GetTableVersion GetTableVersions GetTables SearchTables "
            "UpdateColumnStatisticsForPartition UpdateColumnStatisticsForTable UpdatePartition UpdateTable",
            _ON_TABLE,
        ),
        **alike("GetDatabase GetDatabases UpdateDatabase", _ON_DATABASE),
        **alike(
            "CreateUserDefinedFunction DeleteUserDefinedFunction GetUserDefinedFunction GetUserDefinedFunctions "
            "UpdateUserDefinedFunction",
            _ON_FUNCTION,
        ),
        **alike("DeleteResourcePolicy GetResourcePolicies GetResourcePolicy PutResourcePolicy", need(_of_catalog)),
        "CreateDatabase": need(_of_catalog, _of_database, tags="Tags"),
        "DeleteDatabase": need(
            _of_catalog,
            _of_database,
            lambda ctx, parameters: _arn(ctx, parameters, f"table/{_database(parameters)}/*"),
            lambda ctx, parameters: _arn(ctx, parameters, f"userDefinedFunction/{_database(parameters)}/*"),
        ),
        "GetTags": need("{ResourceArn}"),
        "TagResource": need("{ResourceArn}", tags="TagsToAdd"),
        "UntagResource": need("{ResourceArn}", tag_keys="TagsToRemove"),
    },
)
