"""Links in mails that do something: signed, so that only the mail's reader can follow them."""

from itsdangerous import BadSignature, URLSafeTimedSerializer

__all__ = ["Links"]

NEWSLETTER_DAYS = 14


class Links:
    """Makes and reads signed links to this service."""

    def __init__(self, key: str, url: str) -> None:
        self._newsletter = URLSafeTimedSerializer(key, salt="newsletter")
        self._url = url

    def newsletter(self, address: str) -> str:
        """Return the link by which an address confirms its newsletter."""
        return f"{self._url}/newsletter/{self._newsletter.dumps(address)}"

    def newsletter_address(self, token: str) -> str | None:
        """Return the address that a newsletter link was made for; None if it is not ours or too old."""
        try:
            address = self._newsletter.loads(token, max_age=NEWSLETTER_DAYS * 86_400)
        except BadSignature:
            return None
        return address if isinstance(address, str) else None
