"""A catalog with a database, and what a test needs to see of a refusal."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws

Refusal = Callable[..., tuple[str, str]]


@pytest.fixture
def glue(aws: Aws) -> Any:
    client = aws("glue")
    client.create_database(DatabaseInput={"Name": "lake"})
    return client


@pytest.fixture
def refusal() -> Refusal:
    """The code and sentence with which a call is refused."""

    def refused(call: Any, **parameters: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as raised:
            call(**parameters)
        error = raised.value.response["Error"]
        return error["Code"], error["Message"]

    return refused


def table_input(name: str = "orders", **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {
            "Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "total", "Type": "decimal(10,2)"}],
            "Location": f"s3://lake/{name}/",
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        },
        **more,
    }
