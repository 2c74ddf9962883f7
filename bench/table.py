"""The figures as a table of text: a row a measurement, a column a server, ratios against the first."""

import sys
from dataclasses import dataclass, field
from typing import Any

from bench.load import Outcome


@dataclass(frozen=True)
class Figure:
    """One measured number; lower is better unless it is said."""

    name: str
    unit: str
    value: float | None
    note: str = ""
    higher_is_better: bool = False


@dataclass
class Row:
    """One measurement over all servers."""

    name: str
    unit: str
    higher_is_better: bool
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, peer: str, outcome: Outcome) -> None:
        self.errors[peer] = outcome.errors
        self.figures[peer] = {
            "value": outcome.rate if outcome.requests else None,
            "note": outcome.first_error,
            "errors": outcome.errors,
            "p50_ms": outcome.percentile_ms(0.5),
            "p99_ms": outcome.percentile_ms(0.99),
            "client_cpu": outcome.client_cpu,
            "server_us": outcome.server_us,
        }

    def value(self, peer: str) -> float | None:
        value: float | None = self.figures.get(peer, {}).get("value")
        return value


def keep(rows: dict[str, Row], peer: str, figure: Figure) -> None:
    """Put a figure into its row, and say it."""
    row = rows.setdefault(figure.name, Row(figure.name, figure.unit, higher_is_better=figure.higher_is_better))
    row.figures[peer] = {"value": figure.value, "note": figure.note}
    shown = f"{figure.value:.1f} {figure.unit}" if figure.value is not None else f"- ({figure.note})"
    print(f"  {figure.name}: {shown}", file=sys.stderr)


def render(rows: list[Row], peers: list[tuple[str, str]]) -> str:
    """`(1/12)` behind a peer's figure: the first server does twelve times as well."""
    header = ["", *(label for _, label in peers)]
    lines = [[f"{row.name}, {row.unit}", *(_cell(row, name, peers[0][0]) for name, _ in peers)] for row in rows]
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    text = ["  ".join(_align(line, widths)) for line in [header, ["-" * width for width in widths], *lines]]
    notes = [
        f"{row.name}, {name}: {row.figures[name]['note']}"
        for row in rows
        for name, _ in peers
        if row.figures.get(name, {}).get("note")
    ]
    return "\n".join([*text, *([""] if notes else []), *notes])


def _align(line: list[str], widths: list[int]) -> list[str]:
    first, *rest = (
        cell.ljust(w) if not i else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
    )
    return [first, *rest]


def _cell(row: Row, peer: str, base: str) -> str:
    value, ours = row.value(peer), row.value(base)
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1
    shown = f"{value:,.{digits}f}"
    if row.errors.get(peer):
        shown += f" ({row.errors[peer]} errors)"
    if peer == base or ours is None or not value:
        return shown
    ratio = ours / value if row.higher_is_better else value / ours
    return f"{shown} ({ratio:,.1f}x)"
