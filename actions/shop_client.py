"""Client of the service's operations API: what the shop knows and does, checked there for who is asking."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import aiohttp

__all__ = ["Denied", "Done", "ShopClient", "ShopUnavailable", "close"]

TIMEOUT_S = 4.0
"""Seconds for one call; below the engine's limit for one action, so that an honest answer is still possible."""


class ShopUnavailable(Exception):
    """The shop's data cannot be reached now. Trying again later can help."""


class OperationRejected(Exception):
    """The service refuses the call itself: a mistake in this program, not the shopper's."""


@dataclass(frozen=True)
class Done:
    """An operation that succeeded, or with a dry run would."""

    data: dict[str, Any]
    ok: bool = True


@dataclass(frozen=True)
class Denied:
    """An operation that verification, policy or the order's state does not allow; nothing was changed."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)
    ok: bool = False


class ShopClient:
    """Calls operations for one conversation and turn.

    Args:
        conversation_id: whose proofs count.
        turn_id: makes changes happen once however often the turn is repeated.
    """

    _sessions: ClassVar["WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession]"] = WeakKeyDictionary()

    def __init__(self, conversation_id: str, turn_id: str) -> None:
        self._conversation_id = conversation_id
        self._turn_id = turn_id

    async def call(self, operation: str, args: dict[str, Any], *, dry_run: bool = False) -> Done | Denied:
        """Run an operation, or with `dry_run` learn exactly what it would do.

        Raises:
            ShopUnavailable: nobody answers, or the shop system is down.
            OperationRejected: wrong arguments or a wrong token.
        """
        body = {"conversation_id": self._conversation_id, "turn_id": self._turn_id, "args": args, "dry_run": dry_run}
        url = f"{_service_url()}/internal/v1/operations/{operation}"
        try:
            async with self._session().post(
                url, json=body, headers={"Authorization": f"Bearer {_token()}"}
            ) as response:
                if response.status >= 500:
                    raise ShopUnavailable(f"{operation}: HTTP {response.status}")
                answer = await response.json(content_type=None)
                if response.status == 404:
                    # A service of another version: what it does not know, a person has to do.
                    return Denied("shop_cannot", {"operation": operation})
                if response.status != 200:
                    raise OperationRejected(f"{operation}: HTTP {response.status} {answer!r:.300}")
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise ShopUnavailable(f"{operation}: {type(error).__name__}") from error
        if answer["ok"]:
            return Done(answer["data"])
        return Denied(answer["error"]["code"], answer["error"].get("params") or {})

    @classmethod
    async def close(cls) -> None:
        """Give up the connections of this event loop; a later call makes new ones."""
        session = cls._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    @classmethod
    def _session(cls) -> aiohttp.ClientSession:
        # One connection pool per event loop: made at the first call, because a session belongs to its loop.
        loop = asyncio.get_running_loop()
        session = cls._sessions.get(loop)
        if session is None or session.closed:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, connect=1.0)
            session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
            cls._sessions[loop] = session
        return session


close = ShopClient.close


def _service_url() -> str:
    return os.environ.get("ZUSAGE_SERVICE_URL", "http://127.0.0.1:8080").rstrip("/")


def _token() -> str:
    file = os.environ.get("ZUSAGE_ENGINE_TOKEN_FILE")
    if file:
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ.get("ZUSAGE_ENGINE_TOKEN", "")
