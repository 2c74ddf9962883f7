"""AWS Glue. https://docs.aws.amazon.com/glue/latest/webapi/WebAPI_Welcome.html"""

from fogbank.services.glue.column_statistics import Statistics
from fogbank.services.glue.databases import Databases
from fogbank.services.glue.functions import Functions
from fogbank.services.glue.partition_indexes import PartitionIndexes
from fogbank.services.glue.policies import Policies
from fogbank.services.glue.search import Search
from fogbank.services.glue.table_versions import TableVersions
from fogbank.services.glue.tables import TableOperations
from fogbank.services.glue.tagging import Tagging


class GlueService(
    Databases, TableOperations, TableVersions, Search, Statistics, PartitionIndexes, Functions, Policies, Tagging
):
    """The Data Catalog: databases, tables with their versions, partitions with their indexes, statistics, functions,
    the catalog's policy and tags.

    Crawlers, jobs, triggers, connections, the schema registry and all else of Glue answer NotImplemented.
    """
