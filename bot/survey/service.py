"""Provisional: the survey's interface to the turn."""

from datetime import datetime

from bot.conversation import Reply
from bot.storage.database import Session
from bot.storage.tables import ConversationRow

SURVEY_PAYLOAD = "survey:"


class SurveyService:
    async def offer(self, session: Session, conversation: ConversationRow, trigger: str, now: datetime) -> list[Reply]:
        return []

    async def take(
        self, session: Session, conversation: ConversationRow, text: str | None, payload: str | None, now: datetime
    ) -> list[Reply] | None:
        return None
