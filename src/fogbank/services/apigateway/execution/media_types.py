"""Media types: which bodies are binary, and which template is for a request."""

from collections.abc import Iterable, Mapping


def bare(content_type: str | None) -> str:
    """Without parameters: `application/json` of `application/json; charset=utf-8`."""
    return (content_type or "").partition(";")[0].strip().lower()


def is_binary(content_type: str | None, binary_types: Iterable[str]) -> bool:
    """Whether the API treats that type as binary. A list as in Accept counts by its first type.

    As recorded: of the API's types `main/*` stands for all of `main`, while `*/sub` stands for nothing.
    """
    kind = bare((content_type or "").partition(",")[0])
    main, slash, _ = kind.partition("/")
    wanted = {"*/*", kind, f"{main}/*"} if slash and main != "*" else {"*/*"}
    return any(each.lower() in wanted for each in binary_types)


def pick(templates: Mapping[str, str | None], content_type: str) -> str | None:
    """The key of the template for that type, or None."""
    return next((key for key in templates if bare(key) == bare(content_type)), None)
