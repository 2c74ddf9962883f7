"""Which runtimes there are, and how a function of each is started."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fogbank.engines.compute.interface import FunctionSpec
from fogbank.engines.compute.interpreters import Interpreters, sdk_path

# The main class of AWS's own client for Java.
AWS_CLIENT = "com/amazonaws/services/lambda/runtime/api/client/AWSLambda.class"


class View(msgspec.Struct, frozen=True):
    """Where things lie as the function's processes see them."""

    task_root: str
    layers: Sequence[str]
    """A folder for each, the first one first on the search path; in a sandbox all are merged in /opt, as on AWS."""
    folder: str
    """For temporary files; survives the processes and is the environment's own."""
    runtime_folder: str
    runtimes: Mapping[str, str]
    """Where Fogbank's own runtimes lie, by language."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A process to start in an environment."""

    environment: Mapping[str, str]
    command: Sequence[str] = ()
    """Empty for a function that Fogbank's own Python runtime runs."""
    handler: str = ""
    python_path: Sequence[str] = ()


class InvalidEntrypoint(Exception):
    """There is nothing that could be started."""


def runtime_program(spec: FunctionSpec, view: View, api: str, interpreters: Interpreters) -> Program:
    """How the function's runtime is started. `api` is the address for AWS_LAMBDA_RUNTIME_API. Raises
    InvalidEntrypoint."""
    environment = _environment(spec, view, api)
    if spec.runtime.startswith("provided"):
        # A wrapper is for what AWS starts; who brings a bootstrap can do there what a wrapper does.
        return Program(environment=environment, command=[_bootstrap(spec, view)])
    if spec.runtime.startswith("python"):
        program = _python(spec, view, environment)
    elif spec.runtime.startswith("nodejs"):
        program = _node(spec, view, environment, interpreters)
    else:
        program = _java(spec, view, environment, interpreters)
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    return _wrapped(wrapper, spec, program, view, interpreters) if wrapper else program


def extension_programs(spec: FunctionSpec, view: View, api: str) -> dict[str, Program]:
    """The external extensions that the function's layers bring, by name."""
    environment = _environment(spec, view, api)
    found = {}
    for folder, seen in zip(spec.layers, view.layers, strict=True):
        extensions = folder / "extensions"
        for file in sorted(extensions.glob("*")) if _lies_in(folder, extensions) else ():
            if _lies_in(folder, file) and file.is_file():
                found[file.name] = Program(environment=environment, command=[f"{seen}/extensions/{file.name}"])
    return found


def _python(spec: FunctionSpec, view: View, environment: Mapping[str, str]) -> Program:
    paths = [path for layer in view.layers for path in (f"{layer}/python", layer)]
    if view.task_root == "/var/task":
        environment = {"PYTHONPATH": view.runtime_folder, **environment}
    return Program(environment=environment, handler=spec.handler, python_path=tuple(dict.fromkeys(paths)))


def _node(spec: FunctionSpec, view: View, environment: Mapping[str, str], interpreters: Interpreters) -> Program:
    version = spec.runtime.removeprefix("nodejs").removesuffix(".x")
    names = (f"node{version}/node_modules", "node_modules")
    folders = dict.fromkeys(f"{layer}/nodejs/{name}" for name in names for layer in view.layers)
    node_path = ":".join([*folders, f"{view.runtime_folder}/node_modules", view.runtime_folder, view.task_root])
    # A heap of V8's own choice would be that of the machine.
    heap = f"--max-old-space-size={max(spec.memory_mb * 9 // 10, 64)}"
    return Program(
        environment={"NODE_PATH": node_path, **environment},
        command=[interpreters.node(spec.runtime), heap, f"{view.runtimes['node']}/runtime.mjs"],
    )


def _java(spec: FunctionSpec, view: View, environment: Mapping[str, str], interpreters: Interpreters) -> Program:
    """AWS's own runtime interface client runs what brings it, Fogbank's runtime all else."""
    libraries = [f"{view.task_root}/lib/*", *[f"{layer}/java/lib/*" for layer in dict.fromkeys(view.layers)]]
    class_path = [view.task_root, *libraries]
    folders = (spec.code / "lib", *[layer / "java" / "lib" for layer in spec.layers])
    if (spec.code / AWS_CLIENT).is_file() or any(
        any(folder.glob("aws-lambda-java-runtime-interface-client*.jar")) for folder in folders
    ):
        main = [AWS_CLIENT.removesuffix(".class").replace("/", "."), spec.handler]
        environment = {**environment, "_LAMBDA_TELEMETRY_LOG_FD": "1"}
    else:
        class_path.insert(0, view.runtimes["java"])
        main = ["fogbank.Runtime"]
    command = [
        f"{interpreters.jdk(spec.runtime)}/bin/java",
        f"-Xmx{spec.memory_mb * 8 // 10}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-cp",
        ":".join(class_path),
        *main,
    ]
    return Program(environment=environment, command=command)


def _wrapped(wrapper: str, spec: FunctionSpec, program: Program, view: View, interpreters: Interpreters) -> Program:
    """A script of the function's that starts the runtime, which it is given as its arguments.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
    """
    if program.command:
        return msgspec.structs.replace(program, command=[wrapper, *program.command])
    path = [view.task_root, *program.python_path, *_paths(program.environment, "PYTHONPATH"), *sdk_path()]
    return Program(
        environment={**program.environment, "PYTHONPATH": ":".join(path)},
        command=[
            wrapper,
            os.path.realpath(interpreters.python(spec.runtime)),
            f"{view.runtimes['python']}/bootstrap.py",
        ],
    )


def _lies_in(folder: Path, file: Path) -> bool:
    """A link of a package that leads out of it is nothing in a sandbox, and must not tell what is there outside."""
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def _bootstrap(spec: FunctionSpec, view: View) -> str:
    """A runtime that the function's package or a layer brings."""
    places = zip((spec.code, *spec.layers), (view.task_root, *view.layers), strict=True)
    for folder, seen in places:
        if _lies_in(folder, folder / "bootstrap") and (folder / "bootstrap").is_file():
            if not os.access(folder / "bootstrap", os.X_OK):
                raise InvalidEntrypoint(f"fork/exec {seen}/bootstrap: permission denied")
            return f"{seen}/bootstrap"
    raise InvalidEntrypoint("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")


def _environment(spec: FunctionSpec, view: View, api: str) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    opt = dict.fromkeys(view.layers)
    task, runtime = view.task_root, view.runtime_folder
    libraries = ["/var/lang/lib", "/lib64", "/usr/lib64", runtime, f"{runtime}/lib", task, f"{task}/lib"]
    programs = ["/var/lang/bin", "/usr/local/bin", "/usr/bin/", "/bin"]
    return {
        "PATH": ":".join([*programs, *([f"{layer}/bin" for layer in opt] or ["/opt/bin"])]),
        "LD_LIBRARY_PATH": ":".join([*libraries, *([f"{layer}/lib" for layer in opt] or ["/opt/lib"])]),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # Nobody listens there: traces are not kept. The SDK for X-Ray is quiet with these.
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "PWD": task,
        "SHLVL": "0",
        **({} if view.folder == "/tmp" else {"TMPDIR": view.folder, "HOME": view.folder}),
        **spec.environment,
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization_type,
        "_HANDLER": spec.handler,
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": runtime,
    }


def _paths(environment: Mapping[str, str], name: str) -> list[str]:
    return [path for path in environment.get(name, "").split(":") if path]
