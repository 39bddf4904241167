"""Ends conversations that fell silent: first the survey is offered, then the conversation is closed."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.conversation import ConversationState, Listener
from bot.signals.ending import note_end
from bot.storage.conversations import Conversations
from bot.storage.database import Database, Session
from bot.storage.surveys import LIVE, Surveys
from bot.storage.tables import ConversationRow
from bot.survey.service import SMALL_TALK, SurveyService

__all__ = ["Silence"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Silence:
    """Looks for conversations in which nobody said anything for ``after_s`` seconds."""

    database: Database
    surveys: SurveyService
    publish: Listener
    clock: Clock
    after_s: float

    async def end_silent_conversations(self) -> int:
        """Take every silent conversation one step towards its end; return how many there were.

        A conversation about something is asked for its survey once; silence after that, or after the
        survey's end, closes it. People's conversations are theirs to close, and one that waits for a
        person or for the engine is not at its end.
        """
        before = self.clock() - timedelta(seconds=self.after_s)
        async with self.database.read() as session:
            silent = await Surveys(session).silent_conversations(before)
        for conversation_id in silent:
            async with self.database.begin() as session:
                conversation = await Conversations(session).locked(conversation_id)
                if conversation.state != ConversationState.BOT or conversation.last_activity_at > before:
                    continue  # somebody spoke meanwhile
                await self._one_step(session, conversation, self.clock())
            await self.publish(conversation_id)
        return len(silent)

    async def _one_step(self, session: Session, conversation: ConversationRow, now: datetime) -> None:
        surveys = Surveys(session)
        survey = await surveys.latest_of(conversation.id)
        if survey is not None and survey.state in LIVE:
            self.surveys.expire(survey, now)
        elif await surveys.something_was_done(conversation.id, SMALL_TALK):
            replies = await self.surveys.offer(session, conversation, "silence", now)
            for reply in replies:
                await Conversations(session).add_reply(conversation, reply, now)
            if replies:
                return
        conversation.state = ConversationState.CLOSED
        conversation.closed_at = now
        conversation.close_reason = conversation.close_reason or (survey.trigger if survey is not None else "silence")
        await note_end(session, conversation.id, now)
