"""The error of a request: a status of HTTP and a sentence."""

from s2s_core.errors import S2SError


class RequestError(S2SError):
    """A request can't be answered.

    Args:
        message: What was wrong, and what to do.
        status: Of the response; 400 says that the request itself is wrong.
        headers: More headers of the response.
    """

    def __init__(self, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
