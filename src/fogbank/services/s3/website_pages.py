"""The pages that a website shows where it has none of its own."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus

from fogbank.core.errors import AwsError
from fogbank.core.http_message import ResponseData


def error_page(error: AwsError, request_id: str, *, custom: AwsError | None = None) -> ResponseData:
    """The page for an error; `custom` is why the website's own page for it cannot be shown."""
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    about = {"RequestId": request_id, "HostId": request_id.replace("-", "")}
    lines = ["<html>", f"<head><title>{title}</title></head>", "<body>", f"<h1>{title}</h1>"]
    lines += _list({**_members(error), **about})
    if custom is not None:
        lines.append("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>")
        lines += _list(_members(custom))
    lines += ["<hr/>", "</body>", "</html>", ""]
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("x-amz-error-code", error.code),
        ("x-amz-error-message", error.message),
    ]
    headers += [(f"x-amz-error-detail-{name}", str(value)) for name, value in error.members.items()]
    return ResponseData(error.status, headers, "\n".join(lines).encode())


def _members(error: AwsError) -> dict[str, str]:
    return {"Code": error.code, "Message": error.message, **{k: str(v) for k, v in error.members.items()}}


def _list(members: Mapping[str, str]) -> list[str]:
    return ["<ul>", *(f"<li>{name}: {escape(value, quote=False)}</li>" for name, value in members.items()), "</ul>"]
