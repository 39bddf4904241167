"""Who a browser is: a random id, signed, with an expiry. It says nothing about the person."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeTimedSerializer

__all__ = ["Visitor", "Visitors"]

RENEW_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Visitor:
    """A browser's identity.

    ``token`` is what the browser keeps, ``known`` says that it brought a good one, and ``customer`` is a
    digest of the customer who was signed in to the shop with it, if anyone was.
    """

    id: str
    token: str
    known: bool
    customer: str | None = None


class Visitors:
    """Issues and reads the tokens by which a browser finds its conversation again."""

    def __init__(self, key: str, days: int) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="zusage.visitor")
        self._max_age_s = days * 24 * 3600

    def read(self, token: str | None) -> Visitor | None:
        """Return who a token names, or None if it is missing, forged or expired.

        A token older than a day is renewed, so that a browser in use never expires.
        """
        if not token:
            return None
        try:
            value, signed_at = self._serializer.loads(token, max_age=self._max_age_s, return_timestamp=True)
        except BadSignature:  # expired ones too
            return None
        visitor_id, customer = value
        if datetime.now(UTC) - signed_at > RENEW_AFTER:
            token = self._sign(visitor_id, customer)
        return Visitor(visitor_id, token, True, customer)

    def new(self) -> Visitor:
        """Return a new identity."""
        visitor_id = secrets.token_urlsafe(16)
        return Visitor(visitor_id, self._sign(visitor_id, None), False)

    def bind(self, visitor: Visitor, customer_id: str) -> Visitor:
        """Return the identity this browser has for a signed-in customer.

        A browser that another customer used before becomes a new visitor: on a shared computer the next
        one must not read what the last one wrote.
        """
        digest = hashlib.sha256(customer_id.encode()).hexdigest()[:16]
        if visitor.customer == digest:
            return visitor
        if visitor.customer is not None:
            return self.bind(self.new(), customer_id)
        return Visitor(visitor.id, self._sign(visitor.id, digest), visitor.known, digest)

    def _sign(self, visitor_id: str, customer: str | None) -> str:
        return str(self._serializer.dumps([visitor_id, customer]))
