"""Takes ten times the memory that it was given."""

import os


def handler(inputs, platform):
    held = [os.urandom(1 << 20) * 10 for _ in range(128)]
    return {"result": {"breached": True, "seen": f"{len(held) * 10} MB"}}
