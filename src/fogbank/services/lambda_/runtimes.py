"""The runtimes that AWS knows, and how it words that it does not know one."""

from fogbank.services.lambda_.errors import Invalid, InvalidParameterValue

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, as AWS's error lists them.
RUNTIMES = (
    "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, "
    "python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, "
    "dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"
)
DEPRECATED_RUNTIMES = frozenset(
    [
        "dotnet5.0",
        "dotnet7",
        "dotnetcore1.0",
        "dotnetcore2.0",
        "dotnetcore2.1",
        "dotnetcore3.1",
        "go1.x",
        "java8",
        "nodejs",
        "nodejs4.3",
        "nodejs4.3-edge",
        "nodejs6.10",
        "nodejs8.10",
        "nodejs10.x",
        "nodejs12.x",
        "nodejs14.x",
        "provided",
        "python2.7",
        "python3.6",
        "python3.7",
        "ruby2.5",
        "ruby2.7",
    ]
)


def check_runtime(runtime: str) -> None:
    """Of a function: one that is supported still."""
    if runtime in DEPRECATED_RUNTIMES:
        raise InvalidParameterValue(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime not in RUNTIMES.split(", "):
        raise InvalidParameterValue(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{RUNTIMES}] or be a valid ARN"
        )


def check_compatible(runtimes: list[str]) -> None:
    """Of a layer: any that there has been."""
    if violation := compatible_violation(runtimes):
        raise Invalid(f"1 validation error detected: {violation}")


def check_listed(runtime: str | None) -> None:
    """By which layers are listed."""
    if runtime is not None and not _is_known(runtime):
        raise Invalid(
            f"1 validation error detected: Value '{runtime}' at 'compatibleRuntime' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{RUNTIMES}]"
        )


def compatible_violation(runtimes: list[str]) -> str:
    """What is wrong with a layer's runtimes; empty if nothing is."""
    if all(_is_known(runtime) for runtime in runtimes):
        return ""
    return (
        f"Value '[{', '.join(map(str, runtimes))}]' at 'compatibleRuntimes' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{RUNTIMES}]"
    )


def _is_known(runtime: str) -> bool:
    return runtime in RUNTIMES.split(", ") or runtime in DEPRECATED_RUNTIMES
