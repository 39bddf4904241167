"""Who proved what: levels, attempts, and the same answer in the same time to every wrong proof."""

import asyncio
import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import jwt

from bot.errors import Unauthenticated
from bot.shop.backend import Proof, ShopBackend
from bot.shop.mailing import Mail, Mailer
from bot.shop.models import normal_email, normal_number, normal_postcode
from bot.shop.policies import Level, Verification
from bot.shop.rules.ground import Denied

__all__ = ["Access", "Attempt", "Grant", "Outcome", "ProofStore", "Verifier"]

Outcome = Literal["pending", "failed", "succeeded", "refused", "void"]
RANK: dict[str, int] = {"none": 0, "basic": 1, "full": 2}
TOKEN_AUDIENCE = "zusage"  # noqa: S105 - the audience of a token, not a token


@dataclass(frozen=True)
class Grant:
    """A proof that still holds. ``order_key`` empty: for all of the customer's orders."""

    customer_id: str
    order_key: str
    level: Level
    proofs: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True)
class Attempt:
    """One earlier try that counts."""

    conversation_id: str
    address: str | None
    subject: str
    at: datetime


@dataclass(frozen=True)
class Lock:
    """Why and until when nothing may be tried."""

    scope: Literal["conversation", "address", "order"]
    until: datetime


@dataclass(frozen=True)
class Access:
    """Who somebody turned out to be, for one operation."""

    level: Level
    customer_id: str | None


class ProofStore(Protocol):
    """Keeps attempts, grants and codes. Every method commits."""

    async def open_attempt(self, conversation_id: str, address: str | None, subject: str, at: datetime) -> int:
        """Write an attempt before anything is looked up, and return its key."""
        ...

    async def attempts(
        self, conversation_id: str, address: str | None, subject: str, since: datetime
    ) -> Sequence[Attempt]:
        """Return attempts that failed or are under way and share conversation, address or subject."""
        ...

    async def close_attempt(self, attempt: int, outcome: Outcome) -> None:
        """Record how an attempt ended."""
        ...

    async def grant(self, conversation_id: str, grant: Grant, at: datetime) -> None:
        """Keep a proof, in place of an earlier one for the same customer and order."""
        ...

    async def grants(self, conversation_id: str, at: datetime) -> Sequence[Grant]:
        """Return the proofs that hold at an instant."""
        ...

    async def keep_code(
        self, conversation_id: str, code_hash: str, customer_id: str | None, expires_at: datetime
    ) -> None:
        """Keep a one-time code's hash in place of an earlier one."""
        ...

    async def take_code(self, conversation_id: str, code_hash: str, at: datetime) -> str | None:
        """Use up a code that fits and has not expired; return the customer it proves."""
        ...


class Verifier:
    """Checks proofs and answers what a conversation may see."""

    def __init__(
        self,
        backend: ShopBackend,
        store: ProofStore,
        policy: Verification,
        *,
        key: str,
        token_key: str = "",
        mailer: Mailer | None = None,
    ) -> None:
        self._backend = backend
        self._store = store
        self._policy = policy
        self._key = key.encode()
        self._token_key = token_key
        self._mailer = mailer

    async def verify(
        self,
        conversation_id: str,
        address: str | None,
        order_number: str,
        email: str | None,
        postcode: str | None,
        now: datetime,
    ) -> dict[str, Any]:
        """Check a proof; the answer is docs/operations.md's of ``verify``."""
        began = time.monotonic()
        subject = _subject(order_number)
        attempt = await self._store.open_attempt(conversation_id, address, f"order:{subject}", now)
        lock, left, next_lock = await self._count(conversation_id, address, f"order:{subject}", now)
        if lock is not None:
            await self._store.close_attempt(attempt, "refused")
            return await self._answer("locked", conversation_id, now, left=0, lock=lock)
        try:
            proof = await self._backend.proof(order_number)
        except BaseException:
            await self._store.close_attempt(attempt, "void")
            raise
        if proof is None or not self._fits(proof, email, postcode):
            return await self._failed(attempt, began, conversation_id, now, left, next_lock)
        await self._store.close_attempt(attempt, "succeeded")
        given = {"email"} if email is not None else set()
        if postcode is not None:
            given.add("postcode")
        key = normal_number(proof.number)
        earlier = [
            grant
            for grant in await self._store.grants(conversation_id, now)
            if grant.customer_id == proof.customer_id and grant.order_key == key
        ]
        proofs = frozenset(given).union(*(grant.proofs for grant in earlier))
        level: Level = "full" if {"email", "postcode"} <= proofs else "basic"
        grant = Grant(proof.customer_id, key, level, proofs, self._expiry(now))
        await self._store.grant(conversation_id, grant, now)
        answer = await self._answer("verified", conversation_id, now, left=left + 1)
        return answer | {"order_number": proof.number, "expires_at": grant.expires_at}

    async def send_code(
        self,
        conversation_id: str,
        address: str | None,
        order_number: str | None,
        email: str | None,
        now: datetime,
        mail_key: str,
    ) -> dict[str, Any]:
        """Mail a one-time code, if there is somebody to mail it to; the answer never tells.

        ``mail_key`` is the same when the call is repeated.

        Raises:
            Denied: locked, or the shop has no mail.
        """
        if self._mailer is None:
            raise Denied("shop_cannot", operation="send_code")
        began = time.monotonic()
        subject = f"order:{_subject(order_number)}" if order_number else f"email:{self._hash(email or '')}"
        attempt = await self._store.open_attempt(conversation_id, address, subject, now)
        lock, _, _ = await self._count(conversation_id, address, subject, now)
        if lock is not None:
            await self._store.close_attempt(attempt, "refused")
            raise Denied("locked", until=lock.until, scope=lock.scope)
        code = f"{secrets.randbelow(1_000_000):06d}"
        to = language = customer_id = None
        try:
            if order_number is not None:
                proof = await self._backend.proof(order_number)
                if proof is not None:
                    to, language, customer_id = proof.email, proof.language, proof.customer_id
            elif email is not None:
                customer = await self._backend.customer_by_email(email)
                if customer is not None:
                    to, language, customer_id = customer.email, customer.language, customer.id
        except BaseException:
            await self._store.close_attempt(attempt, "void")
            raise
        expires = now + timedelta(minutes=self._policy.code_minutes)
        await self._store.keep_code(conversation_id, self._code_hash(conversation_id, code), customer_id, expires)
        if to is not None:
            data = {"code": code, "minutes": self._policy.code_minutes}
            await self._mailer.send(Mail("code", to, language or "de", data), mail_key)
        await self._store.close_attempt(attempt, "failed")  # counts, so that nobody's mailbox can be flooded
        await self._level_time(began)
        return {"sent": True, "expires_minutes": self._policy.code_minutes}

    async def confirm_code(self, conversation_id: str, address: str | None, code: str, now: datetime) -> dict[str, Any]:
        """Check a one-time code; answers as ``verify`` does."""
        began = time.monotonic()
        subject = f"code:{conversation_id}"
        attempt = await self._store.open_attempt(conversation_id, address, subject, now)
        lock, left, next_lock = await self._count(conversation_id, address, subject, now)
        if lock is not None:
            await self._store.close_attempt(attempt, "refused")
            return await self._answer("locked", conversation_id, now, left=0, lock=lock)
        digits = "".join(char for char in code if char.isdigit())
        customer_id = await self._store.take_code(conversation_id, self._code_hash(conversation_id, digits), now)
        if customer_id is None:
            return await self._failed(attempt, began, conversation_id, now, left, next_lock)
        await self._store.close_attempt(attempt, "succeeded")
        grant = Grant(customer_id, "", "full", frozenset({"code"}), self._expiry(now))
        await self._store.grant(conversation_id, grant, now)
        return await self._answer("verified", conversation_id, now, left=left + 1) | {"expires_at": grant.expires_at}

    async def guarded[T](
        self,
        conversation_id: str,
        address: str | None,
        subject: str,
        now: datetime,
        look: Callable[[], Awaitable[T | None]],
    ) -> T | None:
        """Look something up that must not be guessed; finding nothing counts as a wrong attempt.

        Raises:
            Denied: locked.
        """
        began = time.monotonic()
        attempt = await self._store.open_attempt(conversation_id, address, subject, now)
        lock, _, _ = await self._count(conversation_id, address, subject, now)
        if lock is not None:
            await self._store.close_attempt(attempt, "refused")
            raise Denied("locked", until=lock.until, scope=lock.scope)
        try:
            found = await look()
        except BaseException:
            await self._store.close_attempt(attempt, "void")
            raise
        await self._store.close_attempt(attempt, "failed" if found is None else "succeeded")
        if found is None:
            await self._level_time(began)
        return found

    async def sign_in(self, conversation_id: str, token: str, now: datetime) -> str:
        """Note the proof that the shop's signed token is (docs/shop.md) and return the customer's id.

        Raises:
            Unauthenticated: as for ``customer_of``.
        """
        customer_id = await self.customer_of(token)
        grant = Grant(customer_id, "", "full", frozenset({"token"}), self._expiry(now))
        await self._store.grant(conversation_id, grant, now)
        return customer_id

    async def customer_of(self, token: str) -> str:
        """Return the id of the customer whom the shop's signed token names.

        Raises:
            Unauthenticated: no key is set, or the token is wrong, expired or for somebody unknown.
        """
        if not self._token_key:
            raise Unauthenticated("this service accepts no identity tokens; set ZUSAGE_SHOP_TOKEN_KEY")
        try:
            claims = jwt.decode(
                token,
                self._token_key,
                algorithms=["HS256"],
                audience=TOKEN_AUDIENCE,
                options={"require": ["exp", "iat", "sub", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("the identity token is not valid") from error
        customer_id = str(claims["sub"])
        if await self._backend.customer(customer_id) is None:
            raise Unauthenticated("the identity token names nobody")
        return customer_id

    async def level(self, conversation_id: str, now: datetime) -> Level:
        """Return the highest level the conversation holds for anything."""
        grants = await self._store.grants(conversation_id, now)
        return max((grant.level for grant in grants), key=RANK.__getitem__, default="none")

    async def grants(self, conversation_id: str, now: datetime) -> Sequence[Grant]:
        """Return what the conversation has proved."""
        return await self._store.grants(conversation_id, now)

    async def for_order(
        self, conversation_id: str, order_key: str, customer_id: str | None, need: Level, now: datetime
    ) -> Access | None:
        """Say whether a conversation may act on an order, or return None.

        ``customer_id`` is the owner's, None if there is no such order: that is answered like a wrong proof.
        """
        if customer_id is None:
            return None
        best: Level = "none"
        for grant in await self._store.grants(conversation_id, now):
            if grant.customer_id != customer_id:
                continue
            if (grant.order_key == order_key or grant.level == "full") and RANK[grant.level] > RANK[best]:
                best = grant.level
        return Access(best, customer_id) if RANK[best] >= RANK[need] else None

    def _fits(self, proof: Proof, email: str | None, postcode: str | None) -> bool:
        ok = True
        if email is not None:
            ok &= _one_of(normal_email(email), proof.emails)
        if postcode is not None:
            ok &= _one_of(normal_postcode(postcode), proof.postcodes)
        return ok

    async def _count(
        self, conversation_id: str, address: str | None, subject: str, now: datetime
    ) -> tuple[Lock | None, int, Lock | None]:
        """Count the tries, the present one among them.

        Returns:
            a lock if this try is one too many, how many are left after it, and the lock that its failure brings.
        """
        rows = await self._store.attempts(conversation_id, address, subject, now - timedelta(days=1))
        window = timedelta(minutes=self._policy.window_minutes)
        locks: list[Lock] = []
        coming: list[Lock] = []
        left = self._policy.tries
        groups: list[tuple[Literal["conversation", "address", "order"], list[datetime]]] = [
            ("conversation", [row.at for row in rows if row.conversation_id == conversation_id]),
            ("order", [row.at for row in rows if row.subject == subject]),
        ]
        if address is not None:
            groups.append(("address", [row.at for row in rows if row.address == address]))
        for scope, instants in groups:
            for limit, span in ((self._policy.tries, window), (self._policy.tries_per_day, timedelta(days=1))):
                inside = sorted(instant for instant in instants if instant > now - span)
                left = min(left, limit - len(inside))
                if len(inside) > limit:
                    # Free again when enough old tries have left the window.
                    locks.append(Lock(scope, inside[len(inside) - 1 - limit] + span))
                elif len(inside) == limit:
                    coming.append(Lock(scope, inside[0] + span))
        return _longest(locks), max(0, left), _longest(coming)

    async def _failed(
        self, attempt: int, began: float, conversation_id: str, now: datetime, left: int, lock: Lock | None
    ) -> dict[str, Any]:
        """End a wrong try; the last one that is allowed locks."""
        await self._store.close_attempt(attempt, "failed")
        await self._level_time(began)
        return await self._answer("locked" if lock else "failed", conversation_id, now, left=left, lock=lock)

    async def _answer(
        self, state: str, conversation_id: str, now: datetime, *, left: int, lock: Lock | None = None
    ) -> dict[str, Any]:
        return {
            "state": state,
            "level": await self.level(conversation_id, now),
            "order_number": None,
            "attempts_left": min(left, self._policy.tries),
            "locked_until": lock.until if lock else None,
            "expires_at": None,
        }

    async def _level_time(self, began: float) -> None:
        """Wait until a multiple of the policy's time has passed: a failure's cause must not show in its time."""
        step = self._policy.answer_after_ms / 1000
        if step:
            spent = time.monotonic() - began
            await asyncio.sleep(max(1, math.ceil(spent / step)) * step - spent)

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self._policy.valid_minutes)

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, normal_email(text).encode(), hashlib.sha256).hexdigest()[:32]

    def _code_hash(self, conversation_id: str, code: str) -> str:
        return hmac.new(self._key, f"{conversation_id}:{code}".encode(), hashlib.sha256).hexdigest()


def _longest(locks: list[Lock]) -> Lock | None:
    return max(locks, key=lambda lock: lock.until) if locks else None


def _one_of(given: str, accepted: frozenset[str]) -> bool:
    """Compare in constant time per candidate; the number of candidates is at most a few."""
    found = False
    for candidate in accepted:
        found |= hmac.compare_digest(given.encode(), candidate.encode())
    return found


def _subject(order_number: str) -> str:
    """What attempts at an order are counted under: the same with and without the letters before its digits."""
    key = normal_number(order_number)[:40]
    digits = key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return digits if digits.isdigit() else key
