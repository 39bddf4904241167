"""Tells a shop system what was changed here: what an event looks like, and a signed HTTP call that carries it.

The call follows the Standard Webhooks specification, for which there are libraries in every language: headers
``webhook-id`` (the same on every try), ``webhook-timestamp`` and ``webhook-signature``.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx

__all__ = ["CannotTell", "ShopEvent", "ShopListener", "Webhook", "signature"]

TIMEOUT_S = 10
GONE = 410


@dataclass(frozen=True)
class ShopEvent:
    """A change that was made to an order here.

    Attributes:
        id: the same whenever it is told.
        order_number: of the order.
        operation: by which it was changed, such as ``cancel_order``.
        at: when.
        change: what was decided, as bot/shop/changes.py has it.
        applied: what exists only since: numbers of returns and claims, labels.
    """

    id: str
    order_number: str
    operation: str
    at: datetime
    change: dict[str, Any]
    applied: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return what is told."""
        return {
            "id": self.id,
            "type": self.operation,
            "order": self.order_number,
            "at": self.at.isoformat(),
            "change": {key: value for key, value in self.change.items() if key not in {"version", "at"}},
            "result": {key: value for key, value in self.applied.items() if value},
        }


class CannotTell(Exception):
    """The shop system was not reached or refused; ``final`` says that trying again is of no use."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class ShopListener(Protocol):
    """Whoever is told."""

    async def tell(self, event: ShopEvent) -> None:
        """Tell, so that being told twice does no harm.

        Raises:
            CannotTell: it was not heard.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message: base64 of HMAC-SHA256 over id, timestamp and body, version 1."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Webhook:
    """Posts events to an address of the shop's."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)

    async def tell(self, event: ShopEvent) -> None:
        """Post an event; any 2xx answer means that it was heard."""
        body = json.dumps(event.as_json(), ensure_ascii=False).encode()
        timestamp = str(int(datetime.now().timestamp()))  # noqa: DTZ005 - seconds since 1970 have no zone
        headers = {
            "content-type": "application/json",
            "webhook-id": event.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._secret, event.id, timestamp, body),
        }
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise CannotTell(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise CannotTell(f"answered {answer.status_code}", final=answer.status_code == GONE)

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()
