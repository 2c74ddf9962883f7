"""Sequence numbers: 56 digits that grow with time, and whose last ones name the shard."""

import re

_TEXT = re.compile(r"49(\d{22})(\d{32})")


def suffix_of(shard: int) -> str:
    """What the sequence numbers of a shard end with."""
    return f"{shard:032d}"


def sequence_text(sequence: int, shard: int) -> str:
    return f"49{sequence:022d}{shard:032d}"


def parsed(text: str) -> tuple[int, int] | None:
    """The sequence and the shard's number; None if it is no sequence number of Fogbank's."""
    match = _TEXT.fullmatch(text)
    return (int(match[1]), int(match[2])) if match is not None else None
