"""Messages that the bot did not understand, or hardly."""

from datetime import datetime

from sqlalchemy import or_, select

from bot.storage.database import Database
from bot.storage.tables import MessageRow, Turn
from bot.unanswered import Unanswered

__all__ = ["SqlUnanswered"]


class SqlUnanswered:
    """Reads them from the service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, moment: datetime, below: float, limit: int) -> list[Unanswered]:
        """Return typed messages not understood, or understood with less than this confidence (0..1), newest first."""
        statement = (
            select(MessageRow.text, Turn.language, Turn.intent, Turn.confidence, Turn.ranking)
            .join(Turn, Turn.message_id == MessageRow.id)
            .where(
                Turn.created_at >= moment,
                Turn.payload.is_(None),
                MessageRow.text.is_not(None),
                or_(Turn.understood.is_(False), Turn.confidence < below),
            )
            .order_by(Turn.id.desc())
            .limit(limit)
        )
        async with self._database.read() as session:
            rows = (await session.execute(statement)).all()
        return [
            Unanswered(
                text=text,
                language=language or "de",
                intent=intent,
                confidence=confidence or 0.0,
                likely=tuple(str(one["name"]) for one in ranking or ()),
            )
            for text, language, intent, confidence, ranking in rows
            if text and text.strip()
        ]
