"""Calls WooCommerce: time-outs, retries, paging, rate limits, and one error for whatever goes wrong.

Only calls that change nothing are repeated after an unclear failure. One that changes something may have been
carried out although its answer got lost; whoever made it looks first before making it again.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from bot.shop.backend import ShopUnavailable

__all__ = ["Refused", "WooClient"]

log = logging.getLogger(__name__)

CONNECT_S = 2.0
PER_PAGE = 100  # the most that WooCommerce gives at once
MOST_PAGES = 50
LONGEST_ANSWER = 8 * 1024 * 1024  # bytes
# After so many failures in a row WooCommerce is left alone for a moment, and customers hear at once that it is away.
FAILURES_IN_A_ROW, REST_S = 4, 5.0
_PAUSES = wait_exponential_jitter(multiplier=0.15, max=1.0, jitter=0.1)


class Refused(Exception):
    """WooCommerce says no. ``code`` is its own word, such as ``woocommerce_rest_shop_order_invalid_id``."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class _Again(Exception):
    """A failure after which the same call may succeed. ``after_s`` is how long WooCommerce asks to wait."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class WooClient:
    """One WooCommerce shop.

    Every method raises ShopUnavailable when there is no answer that can be used within ``deadline_s`` seconds,
    retries and waiting included.
    """

    def __init__(self, url: str, key: str, secret: str, *, deadline_s: float = 4.0) -> None:
        self._deadline_s = deadline_s
        self._failures = 0
        self._rests_until = 0.0
        self._client = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/wp-json/wc/v3/",
            auth=(key, secret),
            timeout=httpx.Timeout(deadline_s, connect=min(CONNECT_S, deadline_s)),
            headers={"accept": "application/json", "user-agent": "Zusage"},
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        """Return what is at a path, or None if there is nothing."""
        try:
            body, _ = await self._call("GET", path, params=params)
        except Refused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND and refusal.code != "rest_no_route":
                return None
            raise self._unusable(refusal) from refusal
        return body

    async def pages(self, path: str, limit: int | None = None, **params: Any) -> list[dict[str, Any]]:
        """Return the entries of a list, page by page, at most ``limit``; an empty list if there is no such path."""
        found: list[dict[str, Any]] = []
        size = min(limit or PER_PAGE, PER_PAGE)
        for page in range(1, MOST_PAGES + 1):
            try:
                body, headers = await self._call("GET", path, params={**params, "per_page": size, "page": page})
            except Refused as refusal:
                if refusal.status == httpx.codes.NOT_FOUND and refusal.code != "rest_no_route":
                    return found
                raise self._unusable(refusal) from refusal
            if not isinstance(body, list):
                raise ShopUnavailable(f"WooCommerce answered {path} with something that is no list")
            found += body
            pages = headers.get("x-wp-totalpages", "")
            if len(body) < size or (pages.isdecimal() and page >= int(pages)) or (limit and len(found) >= limit):
                break
        return found[:limit]

    async def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change something.

        Raises:
            Refused: WooCommerce does not do it.
        """
        answer, _ = await self._call("PUT", path, body=body)
        return self._document(path, answer)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add something.

        Raises:
            Refused: WooCommerce does not do it.
        """
        answer, _ = await self._call("POST", path, body=body)
        return self._document(path, answer)

    @staticmethod
    def _document(path: str, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise ShopUnavailable(f"WooCommerce answered {path} with something that is no document")
        return answer

    def _unusable(self, refusal: Refused) -> ShopUnavailable:
        """Wrong keys, a wrong address: nothing a customer can help, and an operator must."""
        log.error("WooCommerce refuses: %s. Check ZUSAGE_WOOCOMMERCE_URL, _KEY and _SECRET.", refusal)
        return ShopUnavailable("WooCommerce refuses the service's calls")

    async def _call(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> tuple[Any, httpx.Headers]:
        now = time.monotonic()
        if now < self._rests_until:
            raise ShopUnavailable("WooCommerce is left alone for a moment")
        ends = now + self._deadline_s
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Again), wait=_pause, stop=lambda state: _too_late(state, ends), reraise=True
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                async for attempt in retrying:
                    with attempt:
                        found = await self._once(method, path, params, body)
        except (TimeoutError, _Again) as failure:
            self._failed(failure)
            raise ShopUnavailable(f"WooCommerce does not answer: {failure or 'time-out'}") from failure
        except ShopUnavailable as failure:
            self._failed(failure)
            raise
        self._failures = 0
        return found

    def _failed(self, failure: Exception) -> None:
        self._failures += 1
        asked = failure.after_s if isinstance(failure, _Again) else None
        rest = asked if asked is not None else REST_S if self._failures >= FAILURES_IN_A_ROW else 0.0
        if rest:
            self._rests_until = time.monotonic() + min(rest, 60)
        log.warning("WooCommerce does not answer (%s); %d in a row", type(failure).__name__, self._failures)

    async def _once(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Mapping[str, Any] | None
    ) -> tuple[Any, httpx.Headers]:
        changes = method != "GET"
        try:
            answer = await self._client.request(method, path, params=params, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Again(f"{type(error).__name__}") from error  # it never arrived
        except httpx.HTTPError as error:
            if changes:
                raise ShopUnavailable(f"no clear answer to {method} {path}: {type(error).__name__}") from error
            raise _Again(type(error).__name__) from error
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise _Again("too many requests", _seconds(answer.headers.get("retry-after")))
        document, readable = _read(answer)
        if answer.is_success:
            if not readable:
                if changes:
                    raise ShopUnavailable(f"the answer to {method} {path} cannot be read")
                raise _Again("the answer cannot be read")
            return document, answer.headers
        code = str(document.get("code", "")) if isinstance(document, dict) else ""
        if status >= httpx.codes.INTERNAL_SERVER_ERROR and not (changes and code.startswith("woocommerce_rest_")):
            if status == httpx.codes.SERVICE_UNAVAILABLE:  # maintenance: refused before anything was done
                raise _Again("maintenance", _seconds(answer.headers.get("retry-after")))
            if changes:
                raise ShopUnavailable(f"no clear answer to {method} {path}: {status}")
            raise _Again(f"answered {status}")
        message = str(document.get("message", "")) if isinstance(document, dict) else ""
        raise Refused(status, code, message[:200])


def _pause(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome is not None else None
    asked = failure.after_s if isinstance(failure, _Again) else None
    return asked if asked is not None else _PAUSES(state)


def _too_late(state: RetryCallState, ends: float) -> bool:
    """Whether waiting would outlast the deadline: then the customer hears it now."""
    return time.monotonic() + state.upcoming_sleep >= ends


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After: seconds, or an HTTP date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _read(answer: httpx.Response) -> tuple[Any, bool]:
    """Return the JSON of an answer and whether it is any; plugins sometimes print notices before it."""
    if len(answer.content) > LONGEST_ANSWER:
        return None, False
    try:
        return json.loads(answer.content), True
    except ValueError:
        return None, False
