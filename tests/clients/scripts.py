"""Libraries of Python: each has a script that does what its users do and prints "ok" at the end."""

from collections.abc import Callable

from tests.clients.tools import HERE, environment, python_tool, python_version, run

Check = Callable[[str], str]


def script(distribution: str, *more: str) -> Check:
    """The check that runs `DISTRIBUTION_script.py` where the distribution and these others are installed."""

    def check(endpoint: str) -> str:
        programs = python_tool(distribution, distribution, *more)
        file = HERE / f"{distribution.replace('-', '_')}_script.py"
        assert run([str(programs / "python"), str(file)], env=environment(endpoint)).strip() == "ok"
        return python_version(programs, distribution)

    return check
