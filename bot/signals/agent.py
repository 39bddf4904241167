"""The signals of what happens between a customer and an agent."""

from datetime import datetime

from bot.engine_client import Emotion
from bot.escalation import UPSET
from bot.handoff.hours import ServiceHours
from bot.signals.acknowledgement import acknowledges
from bot.storage.database import Session
from bot.storage.records import Records
from bot.storage.signals import SignalHistory
from bot.storage.tables import Handoff, MessageRow, Turn

__all__ = ["note_agent_reply", "note_emotion"]


async def note_agent_reply(
    session: Session, handoff: Handoff, message: MessageRow, waiting: list[Turn], hours: ServiceHours
) -> None:
    """Write how long the customer waited for an agent's words, and whether these took up the customer's feeling.

    Args:
        session: the transaction in which the reply is stored.
        handoff: the handoff, before ``first_reply_at`` is set.
        message: the reply; ``acknowledges`` is set on it.
        waiting: the customer's messages that it answers, from ``SignalHistory.waiting_for_person``.
        hours: to tell waiting within service hours from waiting in the night.
    """
    records = Records(session)
    at = message.created_at
    message.acknowledges = acknowledges(message.text or "")

    def waited(kind: str, since: datetime) -> None:
        records.signal(
            "availability",
            kind,
            at,
            conversation_id=handoff.conversation_id,
            value=(at - since).total_seconds(),
            unit="s",
            data={"by": "agent", "within_hours_s": hours.open_seconds(since, at), "agent": message.agent_id},
        )

    if handoff.first_reply_at is None:
        waited("first_response", handoff.queued_at)
    elif waiting:
        waited("response_time", waiting[0].created_at)
    for turn in waiting:
        if turn.emotion not in UPSET:
            continue
        details = {"by": "agent", "agent": message.agent_id}
        records.signal(
            "empathy",
            "acknowledgement",
            at,
            conversation_id=handoff.conversation_id,
            turn_id=turn.id,
            value=1.0 if message.acknowledges else 0.0,
            unit="bool",
            data=details,
        )
        if message.acknowledges:
            records.signal(
                "empathy",
                "time_to_acknowledgement",
                at,
                conversation_id=handoff.conversation_id,
                turn_id=turn.id,
                value=(at - turn.created_at).total_seconds(),
                unit="s",
                data=details,
            )


async def note_emotion(session: Session, conversation_id: int, number: int, emotion: Emotion, at: datetime) -> None:
    """Write what a customer feels in a message that goes to an agent, which no turn of the bot tells.

    Args:
        session: an open transaction.
        conversation_id: where the message came in.
        number: the message's number.
        emotion: what the engine reads in it.
        at: when it was received.
    """
    turn = await SignalHistory(session).turn_of(conversation_id, number)
    if turn is None or turn.emotion is not None:
        return
    turn.emotion, turn.valence, turn.emotion_confidence = emotion.label, emotion.valence, emotion.confidence
    Records(session).signal(
        "empathy",
        "emotion",
        at,
        conversation_id=conversation_id,
        turn_id=turn.id,
        value=emotion.valence,
        unit="valence",
        data={"label": emotion.label, "confidence": emotion.confidence, "to": "agent"},
    )
