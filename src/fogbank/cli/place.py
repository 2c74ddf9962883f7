"""Where a server keeps its data and listens, if nothing else is said."""

import os
from pathlib import Path

DEFAULT_PORT = 4566


def data_folder(given: str | None) -> Path:
    """The data folder: the option's, $FOGBANK_DATA, or ~/.fogbank."""
    return Path(given or os.environ.get("FOGBANK_DATA") or Path.home() / ".fogbank").expanduser().resolve()
