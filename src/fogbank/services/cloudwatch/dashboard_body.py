"""What is wrong with a dashboard's body, as PutDashboard tells it: a path and a sentence for each mistake.

The structure's page says which members there are; AWS checks more, such as colours. Its sentences are those of a
validator of JSON schemas.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

WIDGETS_MAX = 500
GRID_COLUMNS = 24
HEIGHT_MAX = 1000


class Mistake(NamedTuple):
    path: str
    message: str


def mistakes(body: dict[str, Any]) -> list[Mistake]:
    """Empty for a dashboard that can be kept."""
    return list(_body(body))


def _body(body: dict[str, Any]) -> Iterator[Mistake]:
    yield from _required(body, "", "widgets")
    yield from _kind(body, "start", "", str)
    yield from _kind(body, "end", "", str)
    yield from _one_of(body, "periodOverride", "", ("auto", "inherit"))
    widgets = body.get("widgets", [])
    if not isinstance(widgets, list):
        yield Mistake("/widgets", "Should be array")
        return
    if len(widgets) > WIDGETS_MAX:
        yield Mistake("/widgets", f"Should NOT have more than {WIDGETS_MAX} items")
    for number, widget in enumerate(widgets):
        yield from _widget(widget, f"/widgets/{number}")


def _widget(widget: Any, path: str) -> Iterator[Mistake]:
    if not isinstance(widget, dict):
        yield Mistake(path, "Should be object")
        return
    yield from _required(widget, path, "type")
    yield from _required(widget, path, "properties")
    yield from _one_of(widget, "type", path, tuple(_PROPERTIES))
    for name, least, most in (
        ("x", 0, GRID_COLUMNS - 1), ("y", 0, None), ("width", 1, GRID_COLUMNS), ("height", 1, HEIGHT_MAX),
    ):  # fmt: skip
        yield from _integer(widget, name, path, least, most)
    if ("x" in widget) != ("y" in widget):  # "If you specify y, you must also specify x", and the other way round.
        yield from _required(widget, path, "y" if "x" in widget else "x")
    properties = widget.get("properties", {})
    if not isinstance(properties, dict):
        yield Mistake(f"{path}/properties", "Should be object")
    elif (check := _PROPERTIES.get(str(widget.get("type")))) is not None:
        yield from check(properties, f"{path}/properties")


def _text(properties: dict[str, Any], path: str) -> Iterator[Mistake]:
    yield from _required(properties, path, "markdown")
    yield from _kind(properties, "markdown", path, str)


def _metric(properties: dict[str, Any], path: str) -> Iterator[Mistake]:
    yield from _required(properties, path, "region")
    if "metrics" not in properties and "annotations" not in properties:
        yield from _required(properties, path, "metrics")
    yield from _one_of(properties, "view", path, ("timeSeries", "singleValue", "gauge", "bar", "pie", "table"))
    yield from _kind(properties, "stacked", path, bool)
    yield from _kind(properties, "title", path, str)
    yield from _kind(properties, "stat", path, str)
    yield from _integer(properties, "period", path, 1, None)
    metrics = properties.get("metrics", [])
    if not isinstance(metrics, list):
        yield Mistake(f"{path}/metrics", "Should be array")
        return
    for number, metric in enumerate(metrics):
        where = f"{path}/metrics/{number}"
        if not isinstance(metric, list):
            yield Mistake(where, "Should be array")
        elif not metric:
            yield Mistake(where, "Should NOT have fewer than 1 items")
        else:
            for place, part in enumerate(metric):
                if not isinstance(part, str) and not (isinstance(part, dict) and place == len(metric) - 1):
                    yield Mistake(f"{where}/{place}", "Should be string")


def _log(properties: dict[str, Any], path: str) -> Iterator[Mistake]:
    yield from _required(properties, path, "query")
    yield from _required(properties, path, "region")
    yield from _one_of(properties, "view", path, ("table", "timeSeries", "bar", "pie"))


def _alarm(properties: dict[str, Any], path: str) -> Iterator[Mistake]:
    yield from _required(properties, path, "alarms")
    alarms = properties.get("alarms", [])
    if not isinstance(alarms, list):
        yield Mistake(f"{path}/alarms", "Should be array")


def _anything(properties: dict[str, Any], path: str) -> Iterator[Mistake]:
    """Explorers and custom widgets are kept as they are."""
    return iter(())


_PROPERTIES: dict[str, Callable[[dict[str, Any], str], Iterator[Mistake]]] = {
    "metric": _metric,
    "text": _text,
    "log": _log,
    "alarm": _alarm,
    "explorer": _anything,
    "custom": _anything,
}
_KINDS: dict[type, str] = {str: "string", bool: "boolean"}


def _required(owner: dict[str, Any], path: str, name: str) -> Iterator[Mistake]:
    if name not in owner:
        yield Mistake(path, f"Should have required property '{name}'")


def _kind(owner: dict[str, Any], name: str, path: str, kind: type) -> Iterator[Mistake]:
    if name in owner and not isinstance(owner[name], kind):
        yield Mistake(f"{path}/{name}", f"Should be {_KINDS[kind]}")


def _one_of(owner: dict[str, Any], name: str, path: str, allowed: tuple[str, ...]) -> Iterator[Mistake]:
    if name in owner and owner[name] not in allowed:
        yield Mistake(f"{path}/{name}", "Should be equal to one of the allowed values")


def _integer(owner: dict[str, Any], name: str, path: str, least: int, most: int | None) -> Iterator[Mistake]:
    value = owner.get(name, least)
    if not isinstance(value, int) or isinstance(value, bool):
        yield Mistake(f"{path}/{name}", "Should be integer")
    elif value < least:
        yield Mistake(f"{path}/{name}", f"Should be >= {least}")
    elif most is not None and value > most:
        yield Mistake(f"{path}/{name}", f"Should be <= {most}")
