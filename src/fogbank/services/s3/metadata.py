"""User-defined metadata, and how HTTP headers carry what is not ASCII.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html

Encoded words (RFC 2047) in a value are decoded when it comes, and a value that needs it is encoded when it goes: in
Base64 unless most of its characters are plain, as AWS was recorded to do.
"""

import base64
import re
from collections.abc import Callable, Mapping
from email.errors import HeaderParseError
from email.header import decode_header

from fogbank.services.s3.errors import MetadataTooLarge

METADATA_BYTES_MAX = 2048
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
_WORD_CHARACTERS_MAX = 75  # RFC 2047, section 2


def received(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata as it is stored: names in lower case, values decoded. Raises MetadataTooLarge."""
    if not metadata:
        return {}
    values = {name.lower(): _decoded(value) for name, value in metadata.items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
    if size > METADATA_BYTES_MAX:
        raise MetadataTooLarge(members={"MaxSizeAllowed": str(METADATA_BYTES_MAX), "Size": str(size)})
    return values


def verbatim(value: str) -> str:
    """A value written so that `received` takes it as it is."""
    return value if _ENCODED_WORD.search(value) is None else _in_base64(value)


def as_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata as an answer's headers carry it."""
    return {name: value if _is_plain(value) else _encoded(value) for name, value in metadata.items()}


def _is_plain(value: str) -> bool:
    return value.isascii() and value.replace("\t", " ").isprintable()


def _decoded(value: str) -> str:
    if _ENCODED_WORD.search(value) is None:
        return value
    try:
        parts = decode_header(value)
        return "".join(
            text if isinstance(text, str) else text.decode(charset or "ascii", "replace") for text, charset in parts
        )
    except (HeaderParseError, LookupError):
        return value


def _encoded(value: str) -> str:
    plain = sum(1 for character in value if " " <= character <= "~" or character in "\t\r\n")
    return " ".join(_words(value, _readable if plain > len(value) - plain else _in_base64))


def _words(value: str, word: Callable[[str], str]) -> list[str]:
    """Encoded words: halves of the value, and halves of these, until each is short enough."""
    whole = word(value)
    if len(whole) <= _WORD_CHARACTERS_MAX or len(value) == 1:
        return [whole]
    middle = len(value) // 2
    return _words(value[:middle], word) + _words(value[middle:], word)


def _in_base64(value: str) -> str:
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def _readable(value: str) -> str:
    characters = (
        "_" if byte == 0x20 else chr(byte) if 0x20 < byte < 0x7F and byte not in b"=_?" else f"={byte:02X}"
        for byte in value.encode()
    )
    return f"=?UTF-8?Q?{''.join(characters)}?="
