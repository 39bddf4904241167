"""Compares open promises with the facts, settles them, and tells customers in time when one will not hold."""

import logging
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_date

from bot.clock import Clock
from bot.conversation import Language, Listener, Reply
from bot.mail.reach import Reach
from bot.promises.judge import ConversationFacts, Judgement, Promise, PromiseState, judge
from bot.shop.promise_facts import PromiseFacts
from bot.storage.conversations import Conversations
from bot.storage.database import Database, Session
from bot.storage.promises import Promises
from bot.storage.records import Records
from bot.storage.tables import PromiseRow
from bot.texts import text

__all__ = ["PromiseChecker"]

log = logging.getLogger(__name__)

BATCH = 1000
# Whoever stands to wait longer hears it; these kinds have a customer waiting for a parcel, money or word.
TOLD = frozenset({"delivery", "refund", "replacement", "callback", "answer", "restock"})


class PromiseChecker:
    """Goes through all open promises in batches; safe to run in several processes and to be cut off anywhere."""

    def __init__(
        self,
        database: Database,
        facts: PromiseFacts,
        zone: ZoneInfo,
        publish: Listener,
        clock: Clock,
        reach: Reach | None = None,
    ) -> None:
        """``reach`` writes a mail where the customer's channel does not reach them; None: only the channel is used."""
        self._database = database
        self._facts = facts
        self._zone = zone
        self._publish = publish
        self._clock = clock
        self._reach = reach

    async def check(self) -> dict[str, int]:
        """Judge every open promise once; return how many ended in which state, and how many were told."""
        counts: dict[str, int] = {}
        after = 0
        while True:
            async with self._database.read() as session:
                batch = [Promise(**row._mapping) for row in await Promises(session).open_after(after, BATCH)]
                conversations = await _conversation_facts(Promises(session), batch)
            if not batch:
                return counts
            after = batch[-1].id
            orders = await self._facts.order_facts(sorted({p.order_number for p in batch if p.order_number}))
            now = self._clock()
            verdicts = [
                (
                    promise,
                    judge(
                        promise,
                        orders.get(promise.order_number or ""),
                        conversations.get(promise.conversation_id, ConversationFacts()),
                        now=now,
                        zone=self._zone,
                    ),
                )
                for promise in batch
            ]
            await self._write([v for v in verdicts if v[1].state is not PromiseState.OPEN or v[1].at_risk], now, counts)

    async def _write(self, verdicts: list[tuple[Promise, Judgement]], now: datetime, counts: dict[str, int]) -> None:
        """Settle quietly in one transaction; tell each customer in a transaction of its own."""
        loud = [v for v in verdicts if v[0].kind in TOLD and (v[1].at_risk or v[1].state is PromiseState.BROKEN)]
        to_tell = {promise.id for promise, _ in loud}
        quiet = [v for v in verdicts if v[0].id not in to_tell]
        if quiet:
            async with self._database.begin() as session:
                await Promises(session).settle([(p.id, str(j.state), j.evidence) for p, j in quiet], now)
        for _, judgement in quiet:
            counts[judgement.state] = counts.get(judgement.state, 0) + 1
        for promise, judgement in loud:
            async with self._database.begin() as session:
                told = await self._tell(session, promise, judgement, now)
            if judgement.state is PromiseState.BROKEN:
                counts["broken"] = counts.get("broken", 0) + 1
            if told:
                counts["told"] = counts.get("told", 0) + 1
                await self._publish(promise.conversation_id)

    async def _tell(self, session: Session, promise: Promise, judgement: Judgement, now: datetime) -> bool:
        """Write the verdict, and say it once, with the new day and what can be done."""
        row = await Promises(session).locked_open(promise.id)
        if row is None:  # another process, or another promise, settled it meanwhile
            return False
        conversation = await Conversations(session).locked(promise.conversation_id)
        if judgement.state is PromiseState.BROKEN:
            row.state, row.settled_at, row.evidence = PromiseState.BROKEN, now, dict(judgement.evidence)
        first_time = row.told_at is None
        if not first_time:
            return False
        row.told_at = now
        language: Language = "de" if conversation.language == "de" else "en"
        if judgement.state is PromiseState.BROKEN and "not_done_at" not in judgement.evidence:
            # late, but done: a notice now would only be noise
            return False
        reply = _notice(promise, judgement.new_day, language)
        message = await Conversations(session).add_reply(conversation, reply, now)
        by_mail = self._reach is not None and await self._reach.mail_too(
            session,
            conversation,
            message.number,
            "promise_notice",
            {"words": reply.text, "order_number": promise.order_number},
            order_number=promise.order_number,
            key=f"promise:{promise.id}",
        )
        Records(session).signal(
            "availability",
            "promise_notice",
            now,
            conversation_id=conversation.id,
            data={"promise": promise.id, "kind": promise.kind, "in_time": now <= promise.due_at, "by_mail": by_mail},
        )
        if judgement.new_day is not None:
            # The new day is a promise again. The old one stays: it is kept if the thing comes in time after all.
            due = datetime.combine(judgement.new_day, time(23, 59, 59), self._zone)
            session.add(
                PromiseRow(
                    conversation_id=conversation.id,
                    kind=promise.kind,
                    order_number=promise.order_number,
                    return_number=promise.return_number,
                    wording=reply.text or "",
                    made_by="bot",
                    made_at=now,
                    due_at=due,
                    state=PromiseState.OPEN,
                )
            )
        return True


async def _conversation_facts(promises: Promises, batch: list[Promise]) -> dict[int, ConversationFacts]:
    answered = await promises.answered_at({p.conversation_id for p in batch if p.kind in ("callback", "answer")})
    waiting = {p.conversation_id for p in batch if p.kind == "restock"}
    restocked = await promises.restocked(waiting)
    return {
        key: ConversationFacts(answered.get(key, ()), *restocked.get(key, ((), None)))
        for key in answered.keys() | restocked.keys()
    }


def _notice(promise: Promise, new_day: date | None, language: Language) -> Reply:
    subject = promise.order_number or ""
    kind = "answer" if promise.kind == "callback" else promise.kind
    if new_day is None:
        words = text(f"promise_{kind}_late", language, order=subject)
    else:
        day = format_date(new_day, "EEEE, d. MMMM" if language == "de" else "EEEE d MMMM", locale=language)
        words = text(f"promise_{kind}_new_day", language, order=subject, day=day)
    buttons = [{"title": text("promise_button_person", language), "payload": "/human_handoff"}]
    if promise.order_number:
        intent = "refund_status" if promise.kind == "refund" else "track_order"
        payload = f'/{intent}{{"order_number": "{promise.order_number}"}}'
        buttons.insert(0, {"title": text("promise_button_status", language), "payload": payload})
    return Reply(text=words, buttons=buttons)
