"""Launchpad's own rules, without a server."""

import base64
import io
import pickle
import stat
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import cfnlint.api
import pytest
from tests.patience import eventually
from tests.solutions.modules import SOLUTIONS, module

spec = module("launchpad/src/authoring/spec.py")
mapping = module("launchpad/src/runtime/mapping.py")
cost = module("launchpad/cost.py")

FIELDS = {"order.total": "number", "order.discount": "number", "customer.id": "string"}
GOOD = {"inputs": {"total": "order.total"}, "outputs": {"discount": "order.discount"}}


def packed(name: str, *, mode: int = 0, data: bytes = b"x") -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = mode << 16
        archive.writestr(entry, data)
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_definition_is_complete_with_what_it_leaves_out() -> None:
    assert spec.definition(GOOD, FIELDS) == {
        **GOOD,
        "handler": "snippet.handler",
        "rights": "log",
        "calls_platform": False,
        "memory_mb": 128,
        "timeout_s": 3,
    }


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"inputs": None}, "inputs: a map"),
        ({"inputs": {"all": "order"}}, "mapped to order, which"),
        ({"outputs": {"Discount": "order.discount"}}, "is no name"),
        ({"handler": "snippet"}, "module.function"),
        ({"handler": "os.system('x').y"}, "module.function"),
        ({"rights": "everything"}, "one of log, nothing"),
        ({"memory_mb": 10_240}, "128 to 512"),
        ({"memory_mb": True}, "128 to 512"),
        ({"timeout_s": 900}, "1 to 10"),
        ({"calls_platform": "yes"}, "true or false"),
    ],
)
def test_a_wrong_definition_is_refused_and_told_why(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(spec.Refused, match=why):
        spec.definition({**GOOD, **changed}, FIELDS)


@pytest.mark.parametrize(
    ("zip_", "why"),
    [
        (packed("../evil.py"), "no plain file"),
        (packed("a/../../evil.py"), "no plain file"),
        (packed("..\\evil.py"), "no plain file"),
        (packed("/etc/evil.py"), "no plain file"),
        (packed("link", mode=stat.S_IFLNK | 0o777), "no plain file"),
        (packed("pipe", mode=stat.S_IFIFO | 0o777), "no plain file"),
        (packed("zeros", data=b"\0" * (51 << 20)), "50 MB unpacked"),
        (base64.b64encode(b"no zip").decode(), "not a zip"),
        ("no base64!", "needed"),
        (None, "needed"),
    ],
)
def test_a_package_is_a_plain_tree_of_files(zip_: Any, why: str) -> None:
    with pytest.raises(spec.Refused, match=why):
        spec.code({"zip": zip_})


def test_the_source_of_a_module_is_a_package_too() -> None:
    with zipfile.ZipFile(io.BytesIO(spec.code({"source": "x = 1"}))) as archive:
        assert archive.read("snippet.py") == b"x = 1"


def test_only_mapped_fields_go_in_and_only_mapped_outputs_come_out() -> None:
    document = {"order": {"total": 10, "secret": "s"}, "customer": {"id": "c"}}
    assert mapping.inputs_of(document, GOOD["inputs"], FIELDS) == {"total": 10}
    changed = mapping.with_outputs(document, {"discount": 1, "more": 2}, GOOD["outputs"], FIELDS)
    assert changed == {"order": {"total": 10, "secret": "s", "discount": 1}, "customer": {"id": "c"}}
    assert "discount" not in document["order"]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "order.total is missing"),
        ({"order": []}, "order.total is missing"),
        ({"order": {"total": "10"}}, "order.total is no number"),
        ({"order": {"total": True}}, "order.total is no number"),
    ],
)
def test_a_field_that_is_not_there_is_named(document: Any, why: str) -> None:
    with pytest.raises(mapping.Mismatch, match=why):
        mapping.inputs_of(document, GOOD["inputs"], FIELDS)


@pytest.mark.parametrize(
    ("answer", "why"),
    [([], "not answer with an object"), ({}, "gave no discount"), ({"discount": "1"}, "order.discount is no number")],
)
def test_an_answer_that_does_not_fit_is_no_output(answer: Any, why: str) -> None:
    with pytest.raises(mapping.Mismatch, match=why):
        mapping.with_outputs({}, answer, GOOD["outputs"], FIELDS)


class HostileTenant:
    """Answers each attack with that it was stopped, from the `limit`th on that there are too many, and counts them."""

    name = "t1"

    def __init__(self, limit: int) -> None:
        self.asked = 0
        self.limit = limit

    def ask(self, *_: Any) -> Any:
        self.asked += 1
        result = {"breached": False, "seen": "EPERM"}
        throttled = self.asked > self.limit
        document = {"document": {"result": result}}
        return SimpleNamespace(status=429 if throttled else 200, throttled=throttled, document=document)

    def is_asked_again(self, before: int) -> bool:
        return self.asked > before


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The driver's module of that name, with its neighbours."""
    monkeypatch.syspath_prepend(str(SOLUTIONS / "launchpad"))
    with patch.dict(sys.modules):
        yield module("launchpad/hostile.py")


def attacked(hostile: ModuleType, tenant: HostileTenant, *, rounds: int) -> Any:
    """An attack that is over, by a tenant that may ask 20 times at once and never again."""
    function = SimpleNamespace(tenant=tenant, path="/tenants/t1/functions/f", snippet="read_files")
    attack = hostile.Attack([function], hostile.Flood(function, 20, 0), {}, hostile.Ledger())
    for _ in range(rounds):
        attack.start(1)
        eventually(partial(tenant.is_asked_again, tenant.asked))
        attack.stop()
    return attack


def test_attacks_go_on_in_every_round(hostile: ModuleType) -> None:
    tenant = HostileTenant(limit=1_000_000)
    attack = attacked(hostile, tenant, rounds=2)
    assert attack.acts["read_files"].tried + attack.acts["flood_requests"].tried * 200 == tenant.asked


def test_a_flood_that_is_refused_from_its_limit_on_is_stopped(hostile: ModuleType) -> None:
    attack = attacked(hostile, HostileTenant(limit=20), rounds=1)
    assert attack.acts["flood_requests"].breaches == []
    assert attack.acts["flood_requests"].seen.endswith("of 200 were answered 429")
    assert attack.ledger.asked["t1"] == 20


def test_a_flood_that_comes_through_is_a_breach(hostile: ModuleType) -> None:
    attack = attacked(hostile, HostileTenant(limit=1_000_000), rounds=1)
    assert attack.acts["flood_requests"].breaches[0] == "200 of 200 came through"


def test_costs_are_of_whose_tag_a_function_has() -> None:
    report = {"invocations": "1000000", "billed_ms": "1024000", "memory_mb": "1024"}
    costs = cost.by_tenant(
        [{**report, "function": "p-a-f"}, {**report, "function": "p-b-g"}, {**report, "function": "p-b-h"}],
        {"p-a-f": "a", "p-b-g": "b"},
    )
    assert costs["a"] == {
        "invocations": 1_000_000,
        "gb_seconds": 1024.0,
        "usd": pytest.approx(0.2 + 0.0170667, abs=1e-6),
    }
    assert costs["b"]["usd"] == costs["(no tag)"]["usd"] == costs["a"]["usd"]


@pytest.mark.parametrize("template", ["template.yaml", "functions.yaml"])
def test_the_templates_are_such_as_aws_would_take(template: str) -> None:
    found = cfnlint.api.lint_file(SOLUTIONS / "launchpad" / template)
    assert [str(match) for match in found] == []


def test_what_another_process_has_sent_is_counted_as_well(hostile: ModuleType) -> None:
    here, there = hostile.Ledger(), hostile.Ledger()
    here.asked["t1"], there.asked["t1"], there.failed["t2"] = 2, 3, 1
    there.wrong.append("f: 500")
    there.visits["t1", "c1"] += 1
    here.add(pickle.loads(pickle.dumps(there)))
    here.add(pickle.loads(pickle.dumps(here)))
    assert (here.asked["t1"], here.failed["t2"], here.wrong, here.visits["t1", "c1"]) == (10, 2, ["f: 500"] * 2, 2)
