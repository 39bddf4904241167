"""Which web pages may embed the chat and open its socket."""

from urllib.parse import urlsplit

__all__ = ["Origins", "origin_of"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Return the origin of an address in the form browsers send it, e.g. ``https://shop.example``.

    Raises:
        ValueError: it is no http or https address.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no web origin; write e.g. https://shop.example")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


class Origins:
    """The service's own origin and those that the settings allow.

    CORS rules do not apply to WebSockets: a browser opens one to anybody and only says where it comes
    from, so the service itself has to look.

    Args:
        own: the public address, or empty while none is set: then the address a request was sent to counts.
        allowed: the shops' origins.

    Raises:
        ValueError: an allowed origin cannot be read.
    """

    def __init__(self, own: str, allowed: list[str]) -> None:
        self._own = origin_of(own) if own else None
        self.allowed = sorted({origin_of(origin) for origin in allowed})

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Tell whether a page of this origin may talk to us; without an origin it is no browser page.

        Args:
            origin: the ``Origin`` header.
            host: the ``Host`` header of the same request.
        """
        if not origin:
            return False
        if origin in self.allowed:
            return True
        if self._own is not None:
            return origin == self._own
        return bool(host) and urlsplit(origin).netloc == host

    def may_embed(self) -> str:
        """Return the sources for the content security policy's ``frame-ancestors``."""
        return " ".join(["'self'", *self.allowed])
