"""Files that are sent to clients who go away."""

import asyncio
import gc
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.blobs import Blobs
from fogbank.core.store import Store
from fogbank.core.stored_body import FileSpan, StoredBody
from fogbank.wire.file_sender import send


def test_a_client_that_goes_away_while_a_file_is_sent_leaves_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, gone = threading.Event(), threading.Event()

    def break_pipe(*given: Any) -> int:
        sending.set()
        gone.wait()
        raise BrokenPipeError

    monkeypatch.setattr(os, "sendfile", break_pipe)
    path = tmp_path / "body"
    path.write_bytes(b"x")
    words: list[dict[str, Any]] = []

    async def leave() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: words.append(context))
        store = Store(tmp_path / "data", sync="process")
        blobs = Blobs(tmp_path / "blobs", store, sync="process")
        here, there = socket.socketpair()
        here.setblocking(False)
        body = StoredBody(blobs, [FileSpan(path, 0, 1)], length=1)
        task = asyncio.create_task(send(here, b"head", body, lambda: None))
        await asyncio.to_thread(sending.wait)
        task.cancel()
        gone.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
        for each in (here, there, blobs, store):
            each.close()

    asyncio.run(leave())
    gc.collect()
    assert words == []
