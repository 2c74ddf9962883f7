"""`fogbank up` says what functions reach, and what the machine cannot give them."""

import argparse
import json
from pathlib import Path

import pytest

from fogbank.cli import server
from fogbank.cli.main import build_parser
from fogbank.engines.compute import machine

MISSING = ["no control group for memory (it is watched ten times a second)", "no filter of system calls"]


def said(capsys: pytest.CaptureFixture[str], **options: str) -> list[str]:
    defaults = {"function_network": "cloud", "untrusted": "tagged", "auth": "off", "compute": "process"}
    server._tell_of_functions(argparse.Namespace(**defaults | options))
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("network", "reach"),
    [("none", "no network"), ("cloud", "this server as their network"), ("full", "this machine's network")],
)
def test_a_machine_that_has_everything_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, network: str, reach: str
) -> None:
    monkeypatch.setattr(machine, "lacks", list)
    assert said(capsys, function_network=network) == [f"functions   in sandboxes, with {reach}"]


@pytest.mark.parametrize(
    ("untrusted", "refused"),
    [("tagged", "so functions tagged fogbank:untrusted do not run"), ("strict", "so no function runs")],
)
def test_each_thing_that_is_missing_has_a_line_and_who_is_refused_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, untrusted: str, refused: str
) -> None:
    monkeypatch.setattr(machine, "lacks", lambda: MISSING)
    lines = said(capsys, untrusted=untrusted, auth="iam")
    assert lines == [*(f"functions   {line}" for line in MISSING), f"{refused} (see docs/security.md)"]


def test_functions_that_nobody_trusts_and_any_credentials_do_not_go_together(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "lacks", list)
    (warning, _) = said(capsys, untrusted="strict")
    assert warning == "WARNING     functions are not trusted, and may use any credentials: say --auth iam"


def test_scripts_are_told_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "lacks", lambda: MISSING)
    options = build_parser().parse_args(["up", "--json", "--untrusted", "strict"])
    server._check(options)
    server._announce(options, Path("data"), 4566)
    told = json.loads(capsys.readouterr().out)
    assert told["functions"] == {"network": "cloud", "untrusted": "strict", "lacks": MISSING}
