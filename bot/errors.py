"""Errors that carry what to do about them: an HTTP status, a stable code, and whether trying again can help."""

__all__ = [
    "Conflict",
    "EngineFailed",
    "Forbidden",
    "InvalidInput",
    "NotFound",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "ZusageError",
]


class ZusageError(Exception):
    """Base of the service's errors; rendered as ``{"error": {"code", "message", "retry"}}``."""

    status = 500
    code = "internal_error"
    retry = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidInput(ZusageError):
    """What came in cannot be used; the message names the mend."""

    status = 422
    code = "invalid_input"


class Unauthenticated(ZusageError):
    """Nobody is signed in, or the token is wrong."""

    status = 401
    code = "unauthenticated"


class Forbidden(ZusageError):
    """Signed in, but not allowed."""

    status = 403
    code = "forbidden"


class NotFound(ZusageError):
    """There is no such thing, or not for this caller."""

    status = 404
    code = "not_found"


class Conflict(ZusageError):
    """Somebody else was first, or the state no longer allows it."""

    status = 409
    code = "conflict"


class TooManyRequests(ZusageError):
    """A limit was reached; waiting helps. ``retry_after_s`` is how long, in seconds, where it is known."""

    status = 429
    code = "too_many_requests"
    retry = True

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Unavailable(ZusageError):
    """A part that is needed does not answer now."""

    status = 503
    code = "unavailable"
    retry = True


class EngineFailed(Unavailable):
    """The engine refused, failed or was late; ``retry`` says whether the same message may work later."""

    code = "engine_failed"

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry
