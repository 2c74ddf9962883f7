"""The key that wraps the secrets of a data folder: a file in it that nobody but its owner can read.

What is wrapped can be read by who has both, the store and this file. It keeps secrets out of copies of the store and
of the sight of whoever may read it; it does not protect from who can read all of the folder.
"""

import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fogbank.core.private_files import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = "master.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class NotWrappedHere(Exception):
    """What was to be unwrapped was not wrapped by this key for this purpose, or has been changed."""


class MasterKey:
    """Wraps and unwraps by AES-256-GCM. `purpose` says what a secret is; it is part of what is authenticated."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def wrap(self, secret: bytes, *, purpose: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def unwrap(self, wrapped: bytes, *, purpose: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        nonce, text = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, text, purpose.encode())
        except (InvalidTag, ValueError):  # The latter of what is too short to have a nonce.
            raise NotWrappedHere() from None

    @cached_property
    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._read() or self._make())

    def _read(self) -> bytes:
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return b""

    def _make(self) -> bytes:
        """A new key. It is on the disk, whole, before anything is wrapped with it."""
        key = secrets.token_bytes(_KEY_BYTES)
        write_private(self._file, key)
        return key
