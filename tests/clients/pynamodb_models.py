"""PynamoDB: models with indexes, conditions, transactions, batches and time to live; see pynamodb_script.py."""

from tests.clients.tools import HERE, environment, python_tool, python_version, run


def pynamodb_models(endpoint: str) -> str:
    programs = python_tool("pynamodb", "pynamodb")
    script = str(HERE / "pynamodb_script.py")
    assert run([str(programs / "python"), script], env=environment(endpoint)).strip() == "ok"
    return python_version(programs, "pynamodb")
