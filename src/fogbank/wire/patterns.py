"""The models' patterns, which are Java's, as Python's."""

import re
from functools import lru_cache

_PROPERTIES = {
    r"\p{Alpha}": "a-zA-Z",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Digit}": "0-9",
    r"\p{Graph}": "!-~",
    r"\p{Print}": " -~",
    r"\p{Lower}": "a-z",
    r"\p{Upper}": "A-Z",
    r"\p{XDigit}": "0-9a-fA-F",
}
_UNIVERSAL = frozenset({".*", r"[\s\S]*", r"[\S\s]*", r"^[\s\S]*$", r"(?s).*", r"(?s)^.*$", r"[\d\D]*"})
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})\\u([0-9A-Fa-f]{4})")
_LEADING_FLAGS = re.compile(r"^\(\?([aimsx]+)\)")


def searchable(pattern: str) -> str | None:
    """A pattern that `re.search` finds only in a string that matches wholly; None if there is nothing to
    check.

    A pattern that Python cannot read (some use Unicode properties such as `\\p{L}`) is not checked.
    """
    if pattern in _UNIVERSAL:
        return None
    for java, python in _PROPERTIES.items():
        pattern = pattern.replace(f"[{java}]", f"[{python}]")
        pattern = pattern.replace(java, python if _inside_class(pattern, java) else f"[{python}]")
    pattern = _CODE_POINT.sub(_surrogates, pattern)
    flags = _LEADING_FLAGS.match(pattern)
    prefix = flags.group() if flags else ""
    whole = rf"{prefix}\A(?:{pattern[len(prefix) :]})\Z"
    try:
        re.compile(whole)
    except (re.error, OverflowError):
        return None
    return whole


def _inside_class(pattern: str, part: str) -> bool:
    position = pattern.find(part)
    return position > 0 and pattern.count("[", 0, position) > pattern.count("]", 0, position)


def _surrogates(match: re.Match[str]) -> str:
    high, low = int(match[1], 16), int(match[2], 16)
    if 0xD800 <= high < 0xDC00 <= low < 0xE000:
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
    return match[0]


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> re.Pattern[str] | None:
    whole = searchable(pattern)
    return None if whole is None else re.compile(whole)
