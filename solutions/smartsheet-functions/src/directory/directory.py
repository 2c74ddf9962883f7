"""The slow dependency: it hands out sessions after a handshake that takes its time."""

import os
import time
import uuid
from typing import Any


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    time.sleep(int(os.environ["HANDSHAKE_MS"]) / 1000)
    return {"session": uuid.uuid4().hex}
