"""What every test of functions leaves as it was."""

from collections.abc import Iterator

import pytest

from tests.conftest import Aws


@pytest.fixture(autouse=True)
def nothing_goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """Functions that were made are gone after a test, with their mappings: what is provisioned would be kept, and tell
    its metrics, for every minute that the other tests let pass.
    """
    if "aws" not in request.fixturenames:
        yield
        return
    aws: Aws = request.getfixturevalue("aws")
    yield
    client = aws("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=mapping["UUID"])
    for function in client.list_functions()["Functions"]:
        client.delete_function(FunctionName=function["FunctionName"])
