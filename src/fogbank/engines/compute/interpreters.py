"""The interpreters of this machine that functions run on.

They are looked for on the PATH (JDKs also where systems install them) and remembered once found. Nothing is installed;
what is missing is named.
"""

import asyncio
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from fogbank.engines.compute.interface import RuntimeUnavailable

PYTHON_FILES = Path(__file__).with_name("python")
NODE_FILES = Path(__file__).with_name("node")
JAVA_FILES = Path(__file__).with_name("java")
_JAVA_VERSIONS = {"java8.al2": 8, "java11": 11, "java17": 17, "java21": 21, "java25": 25}
_JDKS = ("/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")
# Debian keeps a JDK's settings apart from it.
_JDK_SETTINGS = "/etc/java*"
# An interpreter is fit if the AWS SDK that functions are given runs on it, too.
_PROBE = """
import os, sys
sys.path += sys.argv[1:]
import boto3
print(os.path.realpath(sys.executable))
print("%d.%d" % sys.version_info[:2])
"""


class Interpreters:
    """Those of one engine. `classes` is the folder for Fogbank's runtime in Java, which is compiled when needed."""

    def __init__(self, classes: Path) -> None:
        self.classes = classes
        self._node: str | None = None
        self._jdks: dict[int, Path] | None = None
        self._pythons: dict[str, asyncio.Future[str]] = {}
        self._compiled: asyncio.Future[None] | None = None

    def check(self, runtime: str) -> None:
        """Raises RuntimeUnavailable, naming what is missing, if there is nothing to run it."""
        if runtime.startswith("nodejs"):
            self.node(runtime)
        elif runtime in _JAVA_VERSIONS:
            self.jdk(runtime)
        else:
            check_known(runtime)

    def node(self, runtime: str) -> str:
        """Node.js, of whatever version there is: it runs what was written for older ones."""
        if self._node is None:
            found = which("node")
            if found is None:
                raise RuntimeUnavailable(
                    f"Functions of runtime {runtime} need Node.js: install it, so that node is found."
                )
            self._node = os.path.realpath(found)
        return self._node

    def jdk(self, runtime: str) -> Path:
        """The home of the JDK of that version, or else of the next newer one."""
        if self._jdks is None:
            self._jdks = _find_jdks()
        wanted = _JAVA_VERSIONS[runtime]
        fitting = sorted(version for version in self._jdks if version >= wanted)
        if not fitting:
            found = ", ".join(map(str, sorted(self._jdks))) or "none"
            self._jdks = None
            raise RuntimeUnavailable(
                f"Functions of runtime {runtime} need a JDK (java and javac) of version {wanted} or newer; "
                f"found: {found}."
            )
        return self._jdks[fitting[0]]

    async def prepare(self, runtime: str) -> None:
        """Find the Python that a function asks for, and compile Fogbank's runtime in Java, when first needed."""
        loop = asyncio.get_running_loop()
        if runtime.startswith("python"):
            if runtime not in self._pythons:
                found = loop.run_in_executor(None, _find_python, runtime.removeprefix("python"))
                self._pythons[runtime] = asyncio.ensure_future(found)
            await asyncio.shield(self._pythons[runtime])
        elif runtime in _JAVA_VERSIONS:
            if self._compiled is None or (self._compiled.done() and self._compiled.exception() is not None):
                compiling = loop.run_in_executor(None, _compile, self.jdk(runtime), self.classes)
                self._compiled = asyncio.ensure_future(compiling)
            await asyncio.shield(self._compiled)

    def python(self, runtime: str) -> str:
        """The Python of that very version if it is on the PATH, and else the one that runs Fogbank; once prepared."""
        return self._pythons[runtime].result()

    def runtimes(self) -> dict[str, Path]:
        """The folders of Fogbank's own runtimes."""
        return {"python": PYTHON_FILES, "node": NODE_FILES, "java": self.classes}

    def folders(self) -> list[Path]:
        """Where interpreters are installed that do not lie with the system's programs, for sandboxes to show."""
        found = [] if (node := which("node")) is None else [Path(os.path.realpath(node)).parent.parent]
        found += _find_jdks().values()
        found += Path("/").glob(_JDK_SETTINGS.removeprefix("/"))
        return [folder for folder in found if folder not in (Path("/usr"), Path("/"))]


def check_known(runtime: str) -> None:
    """Raises RuntimeUnavailable if no machine runs it, whatever is installed there."""
    if runtime not in _JAVA_VERSIONS and not runtime.startswith(("python3.", "nodejs", "provided")):
        raise RuntimeUnavailable(
            f"Functions of runtime {runtime} cannot be run in Fogbank: there are python3.*, nodejs*, java* and, "
            "for what brings its own bootstrap, provided.al2 and provided.al2023."
        )


def sdk_path() -> list[str]:
    """Where boto3 lies: AWS's Python runtimes include it."""
    spec = find_spec("boto3")
    if spec is None or spec.origin is None:
        return []
    return [str(Path(spec.origin).parent.parent)]


def _find_jdks() -> dict[int, Path]:
    """The homes of the machine's JDKs, by version."""
    homes = [home for pattern in _JDKS for home in sorted(Path("/").glob(pattern.removeprefix("/")))]
    if given := os.environ.get("JAVA_HOME"):
        homes.append(Path(given))
    if on_path := which("javac"):
        homes.append(Path(os.path.realpath(on_path)).parent.parent)
    found = {}
    for home in map(Path.resolve, homes):
        if (home / "bin" / "java").is_file() and (home / "bin" / "javac").is_file() and (version := _version(home)):
            found[version] = home
    return found


def _version(home: Path) -> int | None:
    """17 of "17.0.15", and 8 of "1.8.0_402"; every JDK says it in a file."""
    try:
        lines = (home / "release").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("JAVA_VERSION="):
            first, second, *_ = [*line.partition("=")[2].strip('"').split("."), ""]
            return int(second if first == "1" else first)
    return None


def _find_python(version: str) -> str:
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = which(f"python{version}")
    if found is None:
        return sys.executable
    # What is found may be a script that chooses among several, or finds none.
    probe = [found, "-I", "-S", "-c", _PROBE, *sdk_path()]
    asked = subprocess.run(probe, capture_output=True, text=True, check=False)
    lines = asked.stdout.splitlines()
    return lines[0] if asked.returncode == 0 and lines[1:] == [version] else sys.executable


def _compile(home: Path, classes: Path) -> None:
    """For Java 8, so that every JDK runs it."""
    version = _version(home) or 8
    target = ["--release", "8"] if version > 8 else ["-source", "8", "-target", "8"]
    sources = [str(file) for file in sorted(JAVA_FILES.rglob("*.java"))]
    command = [str(home / "bin" / "javac"), "-nowarn", "-Xlint:-options", *target, "-d", str(classes), *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeUnavailable(f"Fogbank's runtime for Java cannot be compiled by {home}: {done.stdout}{done.stderr}")
