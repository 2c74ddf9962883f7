"""Answers that are compressed for callers that take them so."""

import gzip
import zlib

import pytest

from fogbank.services.apigateway.execution.compression import preferred
from tests.services.apigateway.apis import Api

TEXT = "a text that says the same again and again, " * 40


@pytest.fixture
def compressing(api: Api) -> Api:
    api.client.update_rest_api(
        restApiId=api.id, patchOperations=[{"op": "replace", "path": "/minimumCompressionSize", "value": "1000"}]
    )
    api.mock("/long", response=TEXT)
    api.mock("/short", response="short")
    api.deploy()
    return api


def test_a_long_answer_is_compressed_as_the_caller_prefers(compressing: Api) -> None:
    answer = compressing.ask("/long", headers={"Accept-Encoding": "gzip, deflate"})
    assert (answer.headers["Content-Encoding"], gzip.decompress(answer.body).decode()) == ("gzip", TEXT)
    answer = compressing.ask("/long", headers={"Accept-Encoding": "gzip;q=0.5, deflate"})
    assert (answer.headers["Content-Encoding"], zlib.decompress(answer.body).decode()) == ("deflate", TEXT)


@pytest.mark.parametrize(("path", "accepted"), [("/short", "gzip"), ("/long", "identity"), ("/long", "br")])
def test_other_answers_are_not(compressing: Api, path: str, accepted: str) -> None:
    answer = compressing.ask(path, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert answer.body.decode() in (TEXT, "short")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("", "identity"), ("gzip;q=0", "identity"), ("br, GZIP", "gzip"), ("deflate;q=x, gzip;q=0.1", "gzip")],
)
def test_the_coding_of_the_highest_weight_is_taken(accepted: str, coding: str) -> None:
    assert preferred(accepted) == coding
