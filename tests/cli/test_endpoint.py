"""Commands find the server of the user's data folder."""

import json
from pathlib import Path

import pytest

from tests.cli.test_wrong_use import fogbank


def test_a_detached_server_is_found_by_its_data_folder_whatever_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOGBANK_DATA", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    up = fogbank("up", "-d", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert "eval $(fogbank env)" in up.stdout
    assert "stop        fogbank down\n" in up.stdout
    port = up.stdout.splitlines()[0].rpartition(":")[2]
    assert f"export AWS_ENDPOINT_URL=http://localhost:{port}\n" in fogbank("env").stdout
    assert json.loads(fogbank("status", "--json").stdout)["data"] == str(tmp_path)
    assert fogbank("down").returncode == 0
    assert "http://localhost:4566" in fogbank("env").stdout


def test_a_detached_ephemeral_server_says_how_to_reach_and_to_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOGBANK_DATA", str(tmp_path))
    up = fogbank("up", "-d", "--ephemeral", "--host", "::1", "--port", "0")
    said = {line.split()[0]: line.split(maxsplit=1)[1] for line in up.stdout.splitlines()[1:]}
    try:
        assert up.stdout.startswith("Fogbank is ready at http://[::1]:")
        assert said["next"].startswith("eval $(fogbank env --endpoint http://localhost:")
        assert list(tmp_path.iterdir()) == [], "an ephemeral server leaves something in the data folder"
    finally:
        verb, pid = said["stop"].split()
        assert verb == "kill"
        assert fogbank("down", "--data", said["data"]).returncode == 0
        Path(said["log"]).unlink()
        assert pid.isdecimal()
