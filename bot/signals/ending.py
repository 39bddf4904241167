"""The signals of a conversation's end."""

from collections.abc import Sequence
from datetime import datetime

from bot.escalation import UPSET
from bot.storage.database import Session
from bot.storage.records import Records
from bot.storage.signals import SignalHistory

__all__ = ["RECOVERED_FROM", "RECOVERED_RISE", "note_end", "recovered"]

# A customer has recovered who ends no worse than mildly negative and clearly above the lowest point.
RECOVERED_FROM = -0.1
RECOVERED_RISE = 0.3


def recovered(valences: Sequence[float]) -> bool | None:
    """Tell whether a customer who was upset felt better at the end; None if nothing was heard afterwards.

    Args:
        valences: the valence (-1..1) of each of the customer's messages, in order.
    """
    lowest = min(range(len(valences)), key=lambda i: valences[i], default=-1)
    if lowest in (-1, len(valences) - 1):
        return None
    return valences[-1] >= RECOVERED_FROM and valences[-1] - valences[lowest] >= RECOVERED_RISE


async def note_end(session: Session, conversation_id: int, now: datetime) -> None:
    """Write how an upset customer left: the valence at the end minus that of the lowest point (0..2).

    Nothing is written for customers who were never upset or of whom nothing was heard after the lowest point.
    """
    emotions = await SignalHistory(session).emotions(conversation_id)
    if not any(signal.data.get("label") in UPSET for signal in emotions):
        return
    valences = [signal.value for signal in emotions if signal.value is not None]
    state = recovered(valences)
    if state is None:
        return
    Records(session).signal(
        "empathy",
        "recovery",
        now,
        conversation_id=conversation_id,
        value=valences[-1] - min(valences),
        unit="valence",
        data={"recovered": state, "lowest": min(valences), "last": valences[-1]},
    )
