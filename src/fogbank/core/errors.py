"""The caller's mistakes, as AWS words them.

An `AwsError` is an answer: the wire serves it with its code, status and sentence. Any other exception that leaves
a handler is a bug in Fogbank and is served as a 500 `InternalFailure`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class AwsError(Exception):
    """An error of an AWS API. One subclass per error; the sentence may be given when it is raised.

    `code` is the error's shape name in the service model, `query_code` and `query_message` what the query protocol
    says where it differs, `status` the HTTP status, `members` what the error's structure carries beside them, and
    `headers` what its HTTP answer does.
    """

    code: ClassVar[str] = "InternalFailure"
    query_code: ClassVar[str | None] = None
    query_message: ClassVar[str | None] = None
    status: ClassVar[int] = 400
    message: str = ""

    def __init__(
        self,
        message: str | None = None,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if message is not None:
            self.message = message
        self.members: Mapping[str, Any] = members or {}
        self.headers: Mapping[str, str] = headers or {}
        super().__init__(f"{self.code}: {self.message}")

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later: the service's trouble and throttling, not the caller's mistakes."""
        return "Throttl" in self.code or "TooManyRequests" in self.code or (self.status >= 500 and self.status != 501)

    @property
    def sender(self) -> bool:
        """Whether the caller is at fault (AWS's fault type `Sender`, else `Receiver`)."""
        return self.status < 500


class NotImplementedInFogbank(AwsError):
    """What AWS has and Fogbank does not have yet; the message names it."""

    code = "NotImplemented"
    status = 501


class InternalFailure(AwsError):
    """A bug in Fogbank, as the caller sees it; the traceback is in the server's log."""

    code = "InternalFailure"
    status = 500
    message = "The request processing has failed because of an unknown error, exception or failure."


class StorageFull(AwsError):
    """The disk or the store's address space is exhausted; nothing of the request was kept."""

    code = "ServiceUnavailable"
    status = 503
    message = "Fogbank's data folder has no space left: free some disk space and send the request again."


class ValidationError(AwsError):
    """A generic constraint is violated; the name that most services give it."""

    code = "ValidationException"


class ParameterMissing(AwsError):
    """A parameter that the operation cannot do without, though its model calls it optional."""

    code = "MissingParameter"
