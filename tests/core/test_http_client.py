import asyncio
from pathlib import Path

import pytest

from fogbank.core.http_client import HttpRequest, NoAnswer, send


@pytest.mark.parametrize("url", ["file://{file}", "ftp://localhost/{file}", "{file}", ""])
def test_only_http_is_spoken(tmp_path: Path, url: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of this machine")
    request = HttpRequest(method="GET", url=url.format(file=secret), headers={})
    with pytest.raises(NoAnswer, match="no HTTP address"):
        asyncio.run(send(request))
