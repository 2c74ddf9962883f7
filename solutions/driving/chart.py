"""Figures as text: bars over time, and percentiles."""

from collections.abc import Sequence
from itertools import pairwise

BARS = " ▁▂▃▄▅▆▇█"
WIDTH, HEIGHT = 64, 5


def chart(samples: list[int], *, height: int = HEIGHT, width: int = WIDTH, top: int = 0) -> list[str]:
    """Bars over time, as lines from the top down; as high as the highest sample, or as `top`."""
    if not samples:
        return []
    edges = [i * len(samples) // width for i in range(width + 1)]
    cells = [max(samples[start : max(end, start + 1)]) for start, end in pairwise(edges)]
    eighths = [-(-cell * 8 * height // max(top, *cells, 1)) for cell in cells]
    return ["".join(BARS[min(max(e - 8 * row, 0), 8)] for e in eighths) for row in reversed(range(height))]


def percentile(sorted_values: Sequence[int], share: float) -> int:
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))] if sorted_values else 0
