"""An HTTP endpoint that answers as Firehose demands, or as it is told to."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple


class Delivery(NamedTuple):
    headers: dict[str, str]
    document: dict[str, Any]


class FirehoseEndpoint:
    """Answers each request with the next of `answers`, a status and a body, then as it should; use it in `with`."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.deliveries: list[Delivery] = []
        deliveries, rest = self.deliveries, list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                document = json.loads(body)
                deliveries.append(Delivery(headers, document))
                good = json.dumps({"requestId": document["requestId"], "timestamp": document["timestamp"]}).encode()
                status, answer = rest.pop(0) if rest else (200, good)
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"

    def __enter__(self) -> "FirehoseEndpoint":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
