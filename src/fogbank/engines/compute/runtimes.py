"""Which runtimes there are, and how a function of each is started."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

import msgspec

from fogbank.engines.compute.interface import FunctionSpec, RuntimeUnavailable

PYTHON_FILES = Path(__file__).with_name("python")
NODE_FILES = Path(__file__).with_name("node")


class View(msgspec.Struct, frozen=True):
    """Where things lie as the function's processes see them."""

    task_root: str
    layers: Sequence[str]
    """A folder for each, the first one first on the search path; in a sandbox all are merged in /opt, as on AWS."""
    folder: str
    """For temporary files; survives the processes and is the environment's own."""
    runtimes: str
    """Where Fogbank's runtimes lie, each in the folder of its language."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A process to start in an environment."""

    environment: Mapping[str, str]
    command: Sequence[str] = ()
    """Empty for a function that Fogbank's own Python runtime runs."""
    handler: str = ""
    python_path: Sequence[str] = ()


def runtime_folders() -> list[Path]:
    """The files of Fogbank's runtimes, which every sandbox shows below `View.runtimes`."""
    return [PYTHON_FILES, NODE_FILES]


def interpreter_folders() -> list[Path]:
    """Where interpreters are installed that do not lie with the system's programs, which every sandbox shows, too."""
    found = [Path(path) for path in map(_interpreter, ("node",)) if path is not None]
    return [path.parent.parent for path in found if path.parent.parent not in (Path("/usr"), Path("/"))]


def _interpreter(name: str) -> str | None:
    found = which(name)
    return os.path.realpath(found) if found is not None else None


def check(runtime: str) -> None:
    """Raises RuntimeUnavailable, naming what is missing, if functions of this runtime cannot be run here."""
    if runtime.startswith(("python3.", "provided")):
        return
    if runtime.startswith("nodejs"):
        if which("node") is None:
            raise RuntimeUnavailable(f"Functions of runtime {runtime} need Node.js: install it, so that node is found.")
        return
    raise RuntimeUnavailable(
        f"Functions of runtime {runtime} cannot be run in Fogbank: there are python3.*, nodejs* and, for what brings "
        "its own bootstrap, provided.al2 and provided.al2023."
    )


def runtime_program(spec: FunctionSpec, view: View, api: str) -> Program:
    """How the function's runtime is started. `api` is the address for AWS_LAMBDA_RUNTIME_API."""
    environment = _environment(spec, view, api)
    if spec.runtime.startswith("python"):
        return _python(spec, view, environment)
    if spec.runtime.startswith("nodejs"):
        return _node(spec, view, environment)
    return Program(environment=environment, command=[_bootstrap(spec, view)])


def extension_programs(spec: FunctionSpec, view: View, api: str) -> dict[str, Program]:
    """The external extensions that the function's layers bring, by name."""
    environment = _environment(spec, view, api)
    found = {}
    for folder, seen in zip(spec.layers, view.layers, strict=True):
        for file in sorted((folder / "extensions").glob("*")):
            if file.is_file():
                found[file.name] = Program(environment=environment, command=[f"{seen}/extensions/{file.name}"])
    return found


def _python(spec: FunctionSpec, view: View, environment: Mapping[str, str]) -> Program:
    paths = [path for layer in view.layers for path in (f"{layer}/python", layer)]
    return Program(environment=environment, handler=spec.handler, python_path=paths)


def _node(spec: FunctionSpec, view: View, environment: Mapping[str, str]) -> Program:
    version = spec.runtime.removeprefix("nodejs").removesuffix(".x")
    folders = [
        f"{layer}/nodejs/{name}" for name in (f"node{version}/node_modules", "node_modules") for layer in view.layers
    ]
    node_path = ":".join([*folders, view.task_root])
    # A heap of V8's own choice would be that of the machine.
    heap = f"--max-old-space-size={max(spec.memory_mb * 9 // 10, 64)}"
    return Program(
        environment={"NODE_PATH": node_path, **environment},
        command=[_interpreter("node") or "node", heap, f"{view.runtimes}/{NODE_FILES.name}/runtime.mjs"],
    )


def _bootstrap(spec: FunctionSpec, view: View) -> str:
    """A runtime that the function's package or a layer brings."""
    places = zip((spec.code, *spec.layers), (view.task_root, *view.layers), strict=False)
    found = [f"{seen}/bootstrap" for folder, seen in places if (folder / "bootstrap").is_file()]
    return found[0] if found else f"{view.task_root}/bootstrap"


def _environment(spec: FunctionSpec, view: View, api: str) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **spec.environment,
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization_type,
        "_HANDLER": spec.handler,
        "LAMBDA_TASK_ROOT": view.task_root,
        "LAMBDA_RUNTIME_DIR": f"{view.runtimes}/{PYTHON_FILES.name}",
        "TMPDIR": view.folder,
        "HOME": view.folder,
    }
