"""Gives every declared withdrawal to the team: a case in the console's queue, and a mail to the shop."""

from dataclasses import dataclass

from bot.clock import Clock
from bot.conversation import Author, Language, Listener
from bot.escalation import EscalationReason
from bot.handoff.service import HandoffService
from bot.mail.mailer import Mailer
from bot.shop.policies import Shop
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.handoffs import Handoffs
from bot.storage.records import Records
from bot.storage.withdrawals import Withdrawals

__all__ = ["CHANNEL", "WithdrawalFiling"]

# What agents write in such a case goes out by mail (bot/mail/answers.py), because the customer is in no chat.
CHANNEL = "mail"
LONGEST_CONTACT = 200  # characters that a handoff keeps


@dataclass(frozen=True)
class WithdrawalFiling:
    """A job for the timers.

    It looks for withdrawals without a case, so none is lost by a crash and none is filed twice. Those from the page
    and from the chat are filed alike; so is one whose order nobody can find.
    """

    database: Database
    handoffs: HandoffService
    mailer: Mailer
    shop: Shop
    default_language: Language
    publish: Listener
    clock: Clock

    async def file_new(self) -> int:
        """File what has come in; return how many were filed."""
        async with self.database.read() as session:
            waiting = await Withdrawals(session).not_filed()
        filed = 0
        for withdrawal_id in waiting:
            case = await self._file(withdrawal_id)
            if case is not None:
                filed += 1
                await self.publish(case)
        return filed

    async def _file(self, withdrawal_id: int) -> int | None:
        now = self.clock()
        async with self.database.begin() as session:
            withdrawals, conversations = Withdrawals(session), Conversations(session)
            row = await withdrawals.locked(withdrawal_id)
            if row is None or row.case_id is not None:
                return None
            language: Language = "en" if row.language == "en" else "de"
            row.order_number = await withdrawals.order_meant(row.contract)
            conversation = await conversations.open(CHANNEL, row.number, language, now)
            await conversations.kill_address(CHANNEL, row.number, now)  # nothing is sent there: answers go by mail
            said = [row.contract, *([row.goods] if row.goods else []), *([row.statement] if row.statement else [])]
            await conversations.add_message(
                conversation, Author.CUSTOMER, row.received_at, text=_WORDS[language] + "\n".join([row.name, *said])
            )
            conversation.last_customer_at = row.received_at
            known = "order_known" if row.order_number else "order_unknown"
            note = _NOTES[self.default_language][known].format(number=row.number, order=row.order_number)
            await conversations.add_message(conversation, Author.NOTE, now, text=note)
            await self.handoffs.queue(session, conversation, EscalationReason.WITHDRAWAL, now)
            handoff = await Handoffs(session).open_of(conversation.id)
            assert handoff is not None
            handoff.contact = row.receipt_to if len(row.receipt_to) <= LONGEST_CONTACT else None
            handoff.notice_at = None  # nobody waits in front of a screen
            row.case_id = conversation.id
            Records(session).audit(
                "customer",
                "withdrawal.declared",
                row.received_at,
                conversation_id=conversation.id,
                subject=row.number,
                order_found=row.order_number is not None,
            )
            await self.mailer.queue(
                session,
                self.shop.email,
                "withdrawal_arrived",
                self.default_language,
                {
                    "number": row.number,
                    "received_at": row.received_at,
                    "name": row.name,
                    "contract": row.contract,
                    "lines": row.goods,
                    "receipt_to": row.receipt_to,
                    "order_number": row.order_number,
                },
                key=f"withdrawal:{row.number}",
                conversation_id=conversation.id,
                reply_to=row.receipt_to,
            )
            return conversation.id


_WORDS: dict[Language, str] = {"de": "Widerruf des Vertrags\n", "en": "Withdrawal from contract\n"}
_NOTES: dict[Language, dict[str, str]] = {
    "de": {
        "order_known": (
            "Widerruf {number}, Bestellung {order}. Die Eingangsbestätigung ist raus. Bitte ausführen: vor dem Versand "
            "stornieren, sonst Etikett schicken und nach Rückerhalt erstatten."
        ),
        "order_unknown": (
            "Widerruf {number}: Keine Bestellung dieser Bezeichnung gefunden. Der Widerruf ist erklärt und bestätigt; "
            "bitte zuordnen oder nachfragen."
        ),
    },
    "en": {
        "order_known": (
            "Withdrawal {number}, order {order}. The acknowledgement has been sent. Please carry it out: cancel before "
            "dispatch, otherwise send a label and refund once the goods are back."
        ),
        "order_unknown": (
            "Withdrawal {number}: no order of that description was found. The withdrawal is declared and acknowledged; "
            "please match it or ask."
        ),
    },
}
