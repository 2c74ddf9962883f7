"""Identifiers that are unlikely to repeat; not for secrets (those come from `secrets`)."""

import random


def new_id() -> str:
    """A random UUID (version 4) as text. `uuid.uuid4` asks the kernel each time, which costs more than a request."""
    bits = f"{random.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{'89ab'[int(bits[16], 16) & 3]}{bits[17:20]}-{bits[20:]}"
