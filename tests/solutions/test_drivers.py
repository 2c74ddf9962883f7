"""What the drivers of all solutions do alike."""

import pytest
from tests.conftest import LiveServer
from tests.solutions.deployed import driver
from tests.solutions.modules import SOLUTIONS


@pytest.mark.parametrize("solution", sorted(path.parent.name for path in SOLUTIONS.glob("*/template.yaml")))
def test_a_solution_that_is_not_deployed_is_told_in_one_line(server: LiveServer, account: str, solution: str) -> None:
    driving = driver(server, account, solution)
    out, told = driving.communicate()
    assert (driving.returncode, out) == (2, "")
    assert told == f"{solution}: there is no stack {solution}: Stack with id {solution} does not exist\n"
