"""Models of services, as they are read from botocore's files."""

import pytest

from fogbank.wire import model


def test_the_id_of_a_service_is_read_from_its_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call between services that policies are asked about needs it."""
    model.service_id.cache_clear()
    assert model.service_id("logs") == "cloudwatchlogs"
    monkeypatch.delattr(model, "_read")
    assert model.service_id("logs") == "cloudwatchlogs"


def test_a_service_that_is_not_there_has_no_id() -> None:
    with pytest.raises(KeyError):
        model.service_id("../logs")
