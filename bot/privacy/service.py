"""Access, erasure and retention: which rows and which files, and a trace that it was done."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.clock import Clock, utc_now
from bot.conversation import Language, Listener
from bot.errors import NotFound
from bot.privacy.access import AccessFile, about, file_name, subject_hash, write_access_file
from bot.storage.database import Database
from bot.storage.personal_data import Mention, Person, PersonalData
from bot.storage.records import Records

__all__ = ["Erased", "Plan", "Privacy", "Retention"]

# Files that were made to be handed out are not kept longer than it takes to hand them out.
ACCESS_FILES_FOR = timedelta(days=30)
# A picture without a row: its upload was cut off. Uploads in progress are younger.
ORPHANS_AFTER = timedelta(days=1)
SETTLED_FOR = timedelta(days=30)
BATCH = 50


@dataclass(frozen=True)
class Plan:
    """What an erasure would take: rows by table, pictures, orders that are not finished, mentions in others' data."""

    person: Person
    rows: dict[str, int]
    pictures: int
    unfinished: list[str]
    mentions: list[Mention]


@dataclass(frozen=True)
class Erased:
    """What an erasure took, and what the law keeps."""

    rows: dict[str, int]
    files: int
    kept_withdrawals: int


@dataclass
class Retained:
    """What ran out."""

    conversations: int = 0
    files: int = 0
    rows: dict[str, int] = field(default_factory=dict)


async def _nobody(_conversation_id: int) -> None:
    return None


@dataclass(frozen=True)
class Privacy:
    """Hands out and erases what is kept about a person.

    Attributes:
        database: with everything.
        data_dir: where pictures and access files are.
        shop: who hands out.
        zone: in which times are shown.
        publish: told of conversations that are gone, so that open windows close.
        clock: the time.
    """

    database: Database
    data_dir: Path
    shop: str
    zone: ZoneInfo
    publish: Listener = _nobody
    clock: Clock = utc_now

    @property
    def access_dir(self) -> Path:
        """Where files to be handed out are kept."""
        return self.data_dir / "privacy"

    async def find(self, *, email: str | None = None, conversations: Iterable[str] = ()) -> Person:
        """Return who is meant: the customer with an address, some conversations, or both together.

        Raises:
            NotFound: there is no such conversation, or nothing at all is kept about the address.
        """
        async with self.database.read() as session:
            data = PersonalData(session)
            ids = []
            for public_id in conversations:
                found = await data.conversation(public_id)
                if found is None:
                    raise NotFound(f"There is no conversation {public_id}.")
                ids.append(found)
            person = await (data.of_customer(email, ids) if email else data.of_conversations(ids))
            if not await data.how_many(person) and not await data.mentions(person):
                raise NotFound("Nothing is kept about this person.")
            return person

    async def access(self, person: Person, subject: str, language: Language, *, actor: str) -> tuple[str, bytes]:
        """Return name and content of the file to hand out, with everything that is kept about a person."""
        now = self.clock()
        async with self.database.begin() as session:
            data = PersonalData(session)
            rows = await data.export_of(person, with_notes=True)
            files = await data.files(person)
            mail_files = await data.mail_files(person)
            Records(session).audit(actor, "privacy.access", now, subject=subject_hash(subject))
        pictures = [
            (file.name, content)
            for file in files
            if (content := await asyncio.to_thread(_read, self.data_dir / "uploads" / file.path)) is not None
        ]
        access = AccessFile(about(person, subject), rows, pictures, mail_files)
        content = await asyncio.to_thread(
            write_access_file, access, shop=self.shop, language=language, zone=self.zone, now=now
        )
        return file_name(subject, now), content

    async def plan(self, person: Person) -> Plan:
        """Return what an erasure would take."""
        async with self.database.read() as session:
            data = PersonalData(session)
            return Plan(
                person=person,
                rows=await data.how_many(person),
                pictures=len(await data.files(person)),
                unfinished=await data.unfinished_orders(person),
                mentions=await data.mentions(person),
            )

    async def erase(self, person: Person, subject: str, *, actor: str, with_evidence: bool = False) -> Erased:
        """Erase a person: all rows in one transaction, then the files. Trying again after a crash finishes it.

        Args:
            person: who.
            subject: by what the person was named, to find files that were made to be handed out.
            actor: who does it, for the audit.
            with_evidence: also declarations of withdrawal, which the law keeps for some years.
        """
        now = self.clock()
        async with self.database.begin() as session:
            data = PersonalData(session)
            before = await data.how_many(person)
            files = await data.erase_person(person, with_evidence=with_evidence)
            kept = (await data.how_many(person)).get("shop_withdrawals", 0)
            Records(session).audit(
                actor,
                "privacy.erase",
                now,
                conversations=len(person.conversation_ids),
                rows=sum(before.values()),
                with_evidence=with_evidence,
            )
        paths = [self.data_dir / "uploads" / name for name in files]
        for name in {subject, *person.emails, *person.public_ids}:
            paths += self.access_dir.glob(f"access-{subject_hash(name)}-*.zip")
        for path in paths:
            path.unlink(missing_ok=True)
        await self.database.fold_log()
        for conversation_id in person.conversation_ids:
            await self.publish(conversation_id)
        rows = before if with_evidence else {name: n for name, n in before.items() if name != "shop_withdrawals"}
        return Erased(rows, len(paths), kept)


@dataclass(frozen=True)
class Retention:
    """A job for the timers: erases what has been kept for its time.

    Attributes:
        privacy: erases.
        conversations: how long conversations, mails and the trail of operations are kept.
        evidence: how long withdrawals, their receipts and the audit are kept.
    """

    privacy: Privacy
    conversations: timedelta
    evidence: timedelta

    async def run(self) -> Retained:
        """Erase everything whose time is over, a few conversations at a time; return what went."""
        privacy = self.privacy
        now = privacy.clock()
        result = Retained()
        while True:
            async with privacy.database.begin() as session:
                data = PersonalData(session)
                ids = await data.ended_before(now - self.conversations, BATCH)
                if not ids:
                    break
                files = await data.erase(ids, last=False)
            for name in files:
                (privacy.data_dir / "uploads" / name).unlink(missing_ok=True)
            result.conversations += len(ids)
            result.files += len(files)
            for conversation_id in ids:
                await privacy.publish(conversation_id)
        async with privacy.database.begin() as session:
            data = PersonalData(session)
            result.rows = await data.forget_what_ran_out(
                conversations=now - self.conversations, evidence=now - self.evidence, month=now - SETTLED_FOR
            )
            known = await data.known_files()
            if result.conversations:
                await data.forget_words()
            if result.conversations or result.rows:
                Records(session).audit(
                    "system", "privacy.retain", now, conversations=result.conversations, rows=result.rows
                )
        result.files += await asyncio.to_thread(self._old_files, known, now)
        if result.conversations or result.rows:
            await privacy.database.fold_log()
        return result

    def _old_files(self, known: set[str], now: datetime) -> int:
        """Delete access files that were handed out long ago, and pictures that belong to nothing."""
        gone = 0
        for folder, after, keep in (
            (self.privacy.access_dir, ACCESS_FILES_FOR, set()),
            (self.privacy.data_dir / "uploads", ORPHANS_AFTER, known),
        ):
            for path in folder.glob("*") if folder.is_dir() else ():
                if (
                    path.is_file()
                    and path.name not in keep
                    and now.timestamp() - path.stat().st_mtime > after.total_seconds()
                ):
                    path.unlink(missing_ok=True)
                    gone += 1
        return gone


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
