"""Who is signed in: passwords, one-time codes, sessions that expire and can be revoked, limited attempts."""

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from bot.clock import Clock
from bot.errors import InvalidInput, TooManyRequests, Unauthenticated
from bot.settings import Settings
from bot.storage.agents import Agents
from bot.storage.database import Database, Session
from bot.storage.records import Records
from bot.storage.tables import Agent, AgentSession

__all__ = ["PASSWORD_MIN", "ROLES", "Authentication", "CodeNeeded", "Role", "SignedIn", "new_agent"]

Role = Literal["agent", "manager", "admin"]
ROLES: tuple[Role, ...] = ("agent", "manager", "admin")

PASSWORD_MIN, PASSWORD_MAX = 10, 256  # characters; the upper limit keeps hashing cheap
WINDOW = timedelta(minutes=15)
# Failed tries in the window: of one address on one account, on one account from anywhere, of one address.
# The first is low against guessing, the second high, so that a stranger cannot lock an agent out easily.
TRIES_BOTH, TRIES_ACCOUNT, TRIES_ADDRESS = 5, 25, 30
CODE_WITHIN_S = 300
TOTP_STEP_S = 30

_hasher = PasswordHasher()
# Checked for unknown accounts, so that they take as long as known ones.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class SignedIn:
    """An agent and the browser that is signed in. ``csrf`` must come with everything that changes something."""

    agent: Agent
    session_id: int
    csrf: str

    @property
    def manages(self) -> bool:
        """Whether this is a manager or an administrator."""
        return self.agent.role in ("manager", "admin")

    @property
    def administers(self) -> bool:
        """Whether this is an administrator."""
        return self.agent.role == "admin"


@dataclass(frozen=True)
class CodeNeeded:
    """The password was right; ``pending`` must come back with a one-time code."""

    pending: str


class Authentication:
    """Signs agents in and out."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lasts = timedelta(hours=settings.session_hours)
        self._key = settings.signing_key.encode()
        self._pending = URLSafeTimedSerializer(settings.signing_key, salt="zusage.console.code")

    async def sign_in(self, email: str, password: str, *, address: str, browser: str) -> tuple[str, Agent] | CodeNeeded:
        """Check a password and return the token of a new session, or ask for a one-time code.

        Args:
            email: of the agent, in any case.
            password: as typed.
            address: network address of the browser, to count attempts.
            browser: what the browser calls itself, shown in the list of sessions.

        Raises:
            Unauthenticated: account or password is wrong; it is not told which.
            TooManyRequests: too many wrong attempts.
        """
        attempt = await self._count(email, address)
        async with self._database.read() as session:
            agent = await Agents(session).by_email(email)
        right = await asyncio.to_thread(
            _verify, agent.password_hash if agent else _nobody, password[: PASSWORD_MAX + 1]
        )
        if agent is None or agent.disabled_at is not None or not right:
            await self._audit_failure(agent, "password")
            raise Unauthenticated("The e-mail address or the password is wrong.", code="wrong_credentials")
        async with self._database.begin() as session:
            agents = Agents(session)
            await agents.forgive(attempt)
            current = await agents.get(agent.id)
            assert current is not None
            if _hasher.check_needs_rehash(current.password_hash):
                current.password_hash = await asyncio.to_thread(_hasher.hash, password)
            if current.totp_secret:
                return CodeNeeded(self._pending.dumps(current.id))
            return await self._begin(session, current, browser), current

    async def confirm(self, pending: str, code: str, *, address: str, browser: str) -> tuple[str, Agent]:
        """Check the one-time code after a right password, and return the token of a new session.

        Raises:
            Unauthenticated: the code is wrong or used, or the password was given too long ago.
            TooManyRequests: too many wrong attempts.
        """
        try:
            agent_id = int(self._pending.loads(pending, max_age=CODE_WITHIN_S))
        except (SignatureExpired, BadSignature, ValueError):
            raise Unauthenticated("Please sign in again.", code="code_too_late") from None
        async with self._database.read() as session:
            agent = await Agents(session).get(agent_id)
        if agent is None or agent.disabled_at is not None or not agent.totp_secret:
            raise Unauthenticated("Please sign in again.", code="code_too_late")
        attempt = await self._count(agent.email, address)
        async with self._database.begin() as session:
            agents = Agents(session)
            current = await agents.get(agent_id)
            assert current is not None
            step = _step_of(current.totp_secret or "", code, self._clock(), after=current.totp_step)
            if step is not None:
                await agents.forgive(attempt)
                current.totp_step = step
                return await self._begin(session, current, browser), current
        await self._audit_failure(agent, "code")
        raise Unauthenticated("This code is wrong or was used before.", code="wrong_code")

    async def signed_in(self, token: str | None) -> SignedIn | None:
        """Return who a session's token belongs to, or None."""
        if not token or len(token) > 100:
            return None
        token_hash = _token_hash(token)
        async with self._database.read() as session:
            found = await Agents(session).signed_in(token_hash, self._clock())
        if found is None:
            return None
        agent, row = found
        csrf = hmac.new(self._key, f"csrf:{token_hash}".encode(), hashlib.sha256).hexdigest()
        return SignedIn(agent, row.id, csrf)

    async def sign_out(self, who: SignedIn) -> None:
        """End this browser's session; an agent without another one is away."""
        now = self._clock()
        async with self._database.begin() as session:
            agents = Agents(session)
            await agents.revoke(who.agent.id, now, only=who.session_id)
            if not await agents.sessions_of(who.agent.id, now):
                agent = await agents.get(who.agent.id)
                assert agent is not None
                agent.presence = "away"
            Records(session).audit(f"agent:{who.agent.id}", "agent.sign_out", now)

    async def change_password(self, who: SignedIn, old: str, new: str) -> None:
        """Set a new password and end all other sessions of the agent.

        Raises:
            Unauthenticated: the old password is wrong.
            InvalidInput: the new one is too short, too long or the old one.
        """
        check_password(new, who.agent.email)
        if not await asyncio.to_thread(_verify, who.agent.password_hash, old):
            raise Unauthenticated("The old password is wrong.", code="wrong_password")
        if old == new:
            raise InvalidInput("The new password is the old one.", code="same_password")
        hashed = await asyncio.to_thread(_hasher.hash, new)
        now = self._clock()
        async with self._database.begin() as session:
            agents = Agents(session)
            agent = await agents.get(who.agent.id)
            assert agent is not None
            agent.password_hash = hashed
            agent.must_change_password = False
            await agents.revoke(agent.id, now, but=who.session_id)
            Records(session).audit(f"agent:{agent.id}", "agent.password", now, subject=str(agent.id))

    async def enable_totp(self, who: SignedIn, secret: str, code: str) -> None:
        """Ask for one-time codes from now on; a first code proves that the agent's app knows the secret.

        Raises:
            InvalidInput: the code does not fit.
        """
        step = _step_of(secret, code, self._clock(), after=0)
        if step is None:
            raise InvalidInput("This code does not fit. Check the clock of your device.", code="wrong_code")
        await self._set_totp(who, secret, step)

    async def disable_totp(self, who: SignedIn, password: str) -> None:
        """Ask for no one-time codes any more.

        Raises:
            Unauthenticated: the password is wrong.
        """
        if not await asyncio.to_thread(_verify, who.agent.password_hash, password):
            raise Unauthenticated("The password is wrong.", code="wrong_password")
        await self._set_totp(who, None, 0)

    async def _set_totp(self, who: SignedIn, secret: str | None, step: int) -> None:
        now = self._clock()
        async with self._database.begin() as session:
            agent = await Agents(session).get(who.agent.id)
            assert agent is not None
            agent.totp_secret = secret
            agent.totp_step = step
            Records(session).audit(f"agent:{agent.id}", "agent.totp_on" if secret else "agent.totp_off", now)

    async def _begin(self, session: Session, agent: Agent, browser: str) -> str:
        now = self._clock()
        token = secrets.token_urlsafe(32)
        row = AgentSession(
            agent_id=agent.id,
            token_hash=_token_hash(token),
            browser=browser[:200],
            created_at=now,
            expires_at=now + self._lasts,
        )
        await Agents(session).add_session(row)
        agent.seen_at = now
        agent.presence = "available"
        Records(session).audit(f"agent:{agent.id}", "agent.sign_in", now, session=row.id)
        return token

    async def _count(self, email: str, address: str) -> int:
        """Write an attempt down before anything is checked, so that many at once count too."""
        now = self._clock()
        account, place = self._hash(email.strip().lower()), self._hash(address)
        async with self._database.begin() as session:
            agents = Agents(session)
            failed = await agents.failed(account, place, now - WINDOW)
            if failed.by_both >= TRIES_BOTH or failed.by_account >= TRIES_ACCOUNT or failed.by_address >= TRIES_ADDRESS:
                raise TooManyRequests(
                    "Too many wrong attempts. Try again in a quarter of an hour.", code="too_many_attempts"
                )
            return await agents.attempt(account, place, now)

    async def _audit_failure(self, agent: Agent | None, what: str) -> None:
        if agent is None:
            return
        async with self._database.begin() as session:
            Records(session).audit("system", "agent.sign_in_failed", self._clock(), subject=str(agent.id), what=what)

    def _hash(self, value: str) -> str:
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()


def new_agent(email: str, name: str, role: Role, password: str, now: datetime, **more: object) -> Agent:
    """Return an agent to be stored, with the password hashed.

    Raises:
        InvalidInput: the password is too short or too long.
    """
    check_password(password, email)
    return Agent(
        email=email.strip().lower(),
        name=name.strip(),
        role=role,
        password_hash=_hasher.hash(password),
        created_at=now,
        **more,
    )


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password."""
    return _hasher.hash(password)


def check_password(password: str, email: str) -> None:
    """Refuse passwords that are too easy to guess.

    Length is what counts (NIST SP 800-63B); rules on kinds of characters only make people predictable.

    Raises:
        InvalidInput: too short, too long, one character repeated, or the mail address.
    """
    if len(password) < PASSWORD_MIN:
        raise InvalidInput(f"A password has {PASSWORD_MIN} characters at least.", code="password_short")
    if len(password) > PASSWORD_MAX:
        raise InvalidInput(f"A password has {PASSWORD_MAX} characters at most.", code="password_long")
    if len(set(password)) < 4 or password.lower() in (email.lower(), email.lower().split("@")[0]):
        raise InvalidInput("This password is too easy to guess.", code="password_easy")


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _step_of(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """Return the time step a code belongs to (the present one or a neighbour), if it is later than ``after``."""
    digits = "".join(c for c in code if c.isdigit())
    present = int(now.timestamp()) // TOTP_STEP_S
    totp = pyotp.TOTP(secret)
    for step in (present - 1, present, present + 1):
        if step > after and hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None
