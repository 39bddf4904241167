"""Tokens by which programs read figures and exports: made once, shown once, kept as a hash."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from bot.clock import Clock, utc_now
from bot.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from bot.storage.api_tokens import ApiTokens
from bot.storage.database import Database
from bot.storage.figure_tables import ApiToken
from bot.storage.records import Records

__all__ = ["SCOPES", "Tokens"]

SCOPES = {
    "metrics": "read figures",
    "export": "read exports without personal data",
    "export:personal": "read exports with texts and identities",
}
_PREFIX = "zus_"
# The last use is noted this coarsely, so that reading does not write each time.
_NOTED_EVERY = timedelta(minutes=5)


def _hash(secret: str) -> str:
    # 256 random bits need no slow hash.
    return sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Tokens:
    """Makes, checks and revokes tokens."""

    database: Database
    clock: Clock = utc_now

    async def create(self, name: str, scopes: list[str], actor: str, *, expires_at: datetime | None = None) -> str:
        """Make a token and return its secret, which cannot be shown again.

        Raises:
            InvalidInput: no scope, or one that does not exist.
            Conflict: the name is taken.
        """
        if not scopes or not set(scopes) <= set(SCOPES):
            raise InvalidInput(f"Give one or more of the scopes {', '.join(SCOPES)}.")
        secret = _PREFIX + secrets.token_urlsafe(32)
        now = self.clock()
        async with self.database.begin() as session:
            store = ApiTokens(session)
            if await store.by_name(name) is not None:
                raise Conflict(f"There is a token named {name!r} already.")
            await store.add(
                ApiToken(
                    name=name,
                    token_hash=_hash(secret),
                    scopes=sorted(set(scopes)),
                    created_at=now,
                    created_by=actor,
                    expires_at=expires_at,
                )
            )
            Records(session).audit(actor, "token.create", now, subject=name, scopes=sorted(set(scopes)))
        return secret

    async def check(self, authorization: str, scope: str) -> str:
        """Return who may do what a scope allows, as the audit log names it.

        Args:
            authorization: the request's Authorization header.
            scope: what is to be done.

        Raises:
            Unauthenticated: there is no token, or it is unknown, revoked or expired.
            Forbidden: the token has not this scope.
        """
        kind, _, secret = authorization.partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise Unauthenticated("Send a token as 'Authorization: Bearer ...'; 'zusage tokens create' makes one.")
        now = self.clock()
        async with self.database.read() as session:
            token = await ApiTokens(session).by_hash(_hash(secret.strip()))
            gone = (
                token is None
                or token.revoked_at is not None
                or (token.expires_at is not None and token.expires_at <= now)
            )
            if token is None or gone:
                raise Unauthenticated("This token is unknown, revoked or expired.")
            name, scopes, used = token.name, list(token.scopes), token.last_used_at
            session.expunge(token)
        if scope not in scopes:
            raise Forbidden(f"This token has not the scope {scope!r}.")
        if used is None or now - used > _NOTED_EVERY:
            async with self.database.begin() as session:
                await ApiTokens(session).used(token, now)
        return f"api:{name}"

    async def revoke(self, name: str, actor: str) -> None:
        """Make a token useless.

        Raises:
            NotFound: there is no token of that name.
        """
        now = self.clock()
        async with self.database.begin() as session:
            token = await ApiTokens(session).by_name(name)
            if token is None:
                raise NotFound(f"There is no token named {name!r}.")
            token.revoked_at = token.revoked_at or now
            Records(session).audit(actor, "token.revoke", now, subject=name)
