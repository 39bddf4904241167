"""Errors that the engine answers with: a stable code, a sentence, and whether trying again can help."""


class EngineError(Exception):
    """A turn or request that cannot be answered.

    Not a RasaException: Rasa swallows those in places where the customer would then get silence.

    Args:
        code: Stable word for the service.
        message: One sentence for the log; never holds the customer's text.
        retry: Whether the same request may succeed later.
        status: HTTP status of the answer.
    """

    def __init__(self, code: str, message: str, *, retry: bool, status: int) -> None:
        super().__init__(message)
        self.code, self.message, self.retry, self.status = code, message, retry, status

    @classmethod
    def bad_request(cls, code: str, message: str) -> "EngineError":
        """The request itself is wrong; sending it again gives the same answer."""
        return cls(code, message, retry=False, status=422)

    @classmethod
    def failed(cls, code: str, message: str, *, retry: bool) -> "EngineError":
        """The request is right, the turn failed."""
        return cls(code, message, retry=retry, status=500)

    @classmethod
    def unavailable(cls, code: str, message: str) -> "EngineError":
        """Something the turn needs did not answer in time."""
        return cls(code, message, retry=True, status=503)
