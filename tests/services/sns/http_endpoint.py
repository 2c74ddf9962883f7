"""An HTTP endpoint that keeps what is posted to it."""

from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.patience import PATIENCE_S


class Endpoint:
    """Answers each post with the next of `statuses`, then with 200; use it in a `with` block."""

    def __init__(self, *statuses: int) -> None:
        self.posts: list[tuple[dict[str, str], str]] = []
        posts, answers = self.posts, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(answers.pop(0) if answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.server_close()

    def take(self, count: int) -> list[tuple[dict[str, str], str]]:
        """Serve until there are that many posts."""
        while len(self.posts) < count:
            self.wait(PATIENCE_S)
        return self.posts

    def wait(self, seconds: float) -> None:
        """Serve one post, if one comes within that time."""
        self.server.timeout = seconds
        self.server.handle_request()
