"""Order-preserving keys: a tuple of parts becomes bytes that sort as the tuple does.

A `str` or `bytes` part is written with every NUL escaped (00 -> 00 FF) and two NULs at its end, so that a shorter
part sorts before its continuations; an `int` is eight bytes, big-endian, with the sign bit flipped.
"""

from collections.abc import Callable
from typing import Any

KeyPart = str | int | bytes
KeyTypes = tuple[type, ...]

_SIGN = 1 << 63
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1


class UnfitKey(ValueError):
    """No row has that key: it has an integer that does not fit 64 bits."""


def _encode_int(value: int) -> bytes:
    if not _INT_MIN <= value <= _INT_MAX:
        raise UnfitKey(f"a key's integer must fit 64 bits: {value}")
    return (value + _SIGN).to_bytes(8, "big")


def _encode_bytes(value: bytes) -> bytes:
    if 0 in value:  # Half the time of looking for b"\0".
        value = value.replace(b"\0", b"\0\xff")
    return value + b"\0\0"


def _encode_str(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return data + b"\0\0" if 0 not in data else _encode_bytes(data)


def _decode_int(data: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + 8], "big") - _SIGN, at + 8


def _decode_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.index(b"\0", at)
    if data[end + 1] == 0:  # Nothing is escaped, as nearly always.
        return data[at:end], end + 2
    while data[end + 1] != 0:
        end = data.index(b"\0", end + 2)
    return data[at:end].replace(b"\0\xff", b"\0"), end + 2


def _decode_str(data: bytes, at: int) -> tuple[str, int]:
    value, end = _decode_bytes(data, at)
    return value.decode("utf-8", "surrogatepass"), end


_ENCODERS: dict[type, Callable[[Any], bytes]] = {int: _encode_int, str: _encode_str, bytes: _encode_bytes}
_DECODERS: dict[type, Callable[[bytes, int], tuple[Any, int]]] = {
    int: _decode_int,
    str: _decode_str,
    bytes: _decode_bytes,
}


def _text_keys(
    prefix: bytes, texts: int, parts: int, otherwise: Callable[[tuple[Any, ...]], bytes]
) -> Callable[[tuple[Any, ...]], bytes]:
    """`encode` for keys of several texts, and of an int behind them if there is one more part."""
    ends = 2 * texts

    def encode(key: tuple[Any, ...]) -> bytes:
        if len(key) != parts:
            return otherwise(key)
        joined = "\0\0".join(key[:texts]) + "\0\0"
        if joined.count("\0") != ends:  # A NUL of a text's own has to be escaped.
            return otherwise(key)
        encoded = prefix + joined.encode("utf-8", "surrogatepass")
        return encoded if parts == texts else encoded + _encode_int(key[texts])

    return encode


class KeyCodec:
    """Encodes and decodes the keys of one table: tuples of the given part types, or a prefix of such a tuple."""

    def __init__(self, types: KeyTypes, table_prefix: bytes) -> None:
        self._prefix = table_prefix
        self._types = types
        self._encoders = tuple(_ENCODERS[t] for t in types)
        self.encode = self._unrolled()
        self._decoders = tuple(_DECODERS[t] for t in types)

    def fits(self, key: tuple[Any, ...]) -> bool:
        """Whether it is a whole key that can be encoded."""
        return len(key) == len(self._types) and all(
            isinstance(part, type_) and (not isinstance(part, int) or _INT_MIN <= part <= _INT_MAX)
            for part, type_ in zip(key, self._types, strict=True)
        )

    def _unrolled(self) -> Callable[[tuple[Any, ...]], bytes]:
        """`encode`: the bytes of a whole key, or of its first parts (a prefix of all keys that begin with them).

        Every access to the store encodes a key, so whole keys of the usual lengths are spelt out.
        """
        prefix, encoders, partial = self._prefix, self._encoders, self._encode
        if len(encoders) == 1:
            (one,) = encoders
            return lambda key: prefix + one(key[0]) if len(key) == 1 else partial(key)
        if len(encoders) == 2:
            one, two = encoders
            return lambda key: prefix + one(key[0]) + two(key[1]) if len(key) == 2 else partial(key)
        if len(encoders) == 3:
            one, two, three = encoders
            return lambda key: prefix + one(key[0]) + two(key[1]) + three(key[2]) if len(key) == 3 else partial(key)
        texts = len(encoders) - (self._types[-1] is int)
        if all(kind is str for kind in self._types[:texts]):
            return _text_keys(prefix, texts, len(encoders), partial)
        if len(encoders) == 4:
            one, two, three, four = encoders
            return lambda key: (
                prefix + one(key[0]) + two(key[1]) + three(key[2]) + four(key[3]) if len(key) == 4 else partial(key)
            )
        return partial

    def _encode(self, key: tuple[Any, ...]) -> bytes:
        if len(key) > len(self._encoders):
            raise ValueError(f"a key of {len(key)} parts in a table of {len(self._encoders)}")
        encoded = self._prefix
        for encoder, part in zip(self._encoders, key, strict=False):
            encoded += encoder(part)
        return encoded

    def decode(self, data: bytes) -> tuple[Any, ...]:
        return self.decode_behind((), len(self._prefix), data)

    def decode_behind(self, known: tuple[Any, ...], at: int, data: bytes) -> tuple[Any, ...]:
        """The key whose first parts, which take the first `at` bytes, are known."""
        if len(known) + 1 == len(self._decoders):
            return *known, self._decoders[-1](data, at)[0]
        parts = list(known)
        for decoder in self._decoders[len(known) :]:
            part, at = decoder(data, at)
            parts.append(part)
        return tuple(parts)
