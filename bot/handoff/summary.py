"""What an agent must know at once when a conversation comes in: asked, answered, done, promised, felt."""

from typing import Any

from bot.storage.conversations import Conversations
from bot.storage.database import Session
from bot.storage.records import Records
from bot.storage.tables import ConversationRow

__all__ = ["summarise"]


async def summarise(session: Session, conversation: ConversationRow) -> dict[str, Any]:
    """Return the facts of a conversation so far.

    Keys: ``asked`` (intents in order, without repetitions), ``last_words`` (what the customer typed last),
    ``operations`` (what was tried and whether it worked), ``promises`` (wording and due time), ``emotion``
    (the latest that was not neutral), ``not_understood`` (count), ``orders`` (numbers that came up).
    """
    conversations = Conversations(session)
    turns = list(reversed(await conversations.recent_turns(conversation.id, limit=50)))
    messages = await conversations.messages(conversation.id, after=max(0, conversation.last_number - 40))
    last_words = next((m.text for m in reversed(messages) if m.author == "customer" and m.text), None)
    operations = [operation for turn in turns for operation in turn.operations or []]
    orders = [o["order"] for o in operations if o.get("order")]
    orders += [
        str(entity["value"]) for turn in turns for entity in turn.entities or [] if entity["type"] == "order_number"
    ]
    promises = await Records(session).promises_of(conversation.id)
    return {
        "asked": list(dict.fromkeys(t.intent for t in turns if t.intent and t.understood)),
        "last_words": last_words,
        "operations": operations,
        "promises": [{"wording": p.wording, "due": p.due_at.isoformat(), "state": p.state} for p in promises],
        "emotion": next((t.emotion for t in reversed(turns) if t.emotion not in (None, "neutral")), None),
        "not_understood": sum(1 for t in turns if t.understood is False),
        "orders": list(dict.fromkeys(orders)),
    }
