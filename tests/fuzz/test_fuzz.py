import os

import pytest

from tests.conftest import LiveServer
from tests.fuzz.campaign import campaign
from tests.fuzz.generated import ask, clients_and_operations, generated

# The check is the same every time, so that a change is judged by what it did; `make fuzz` draws a new seed.
SEED = int(os.environ.get("SEED", "2162"))
TOKENS = {"NextToken", "nextToken", "Marker", "ContinuationToken", "ExclusiveStartTableName"}


@pytest.mark.timeout(300)
def test_spoilt_requests_are_answered_or_refused_and_harm_nobody() -> None:
    server = LiveServer("--ephemeral", "--virtual-clock")
    try:
        result = campaign(server.endpoint, requests=2_000, seed=SEED)
    finally:
        code = server.stop()
    assert not result.failures, f"SEED={SEED}: {result.failures[:5]}"
    assert code == 0


@pytest.mark.timeout(300)
def test_generated_requests_are_answered_or_refused() -> None:
    server = LiveServer("--ephemeral", "--virtual-clock")
    try:
        result = generated(server.endpoint, requests=1_500, seed=SEED)
    finally:
        code = server.stop()
    assert not result.failures, f"SEED={SEED}: {result.failures[:5]}"
    assert code == 0


@pytest.mark.parametrize("token", ["😀", "junk", "AAAA", "-1", "", "9" * 400])
def test_a_token_that_is_none_is_refused_by_every_list(server: LiveServer, token: str) -> None:
    clients, operations = clients_and_operations(server.endpoint)
    answers = {}
    for service, operation in operations:
        shape = clients[service].meta.service_model.operation_model(operation).input_shape
        names = TOKENS & set(shape.members if shape else ())
        if names and not shape.required_members:
            answers[service, operation] = ask(clients[service], operation, dict.fromkeys(names, token))
    assert len(answers) > 20
    assert {asked: status for asked, status in answers.items() if status is None or status >= 500} == {}
