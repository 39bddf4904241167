"""What a customer can have done with their data from Telegram: see what is kept, get a copy, have it erased."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from bot.channels.telegram.aside import Aside
from bot.channels.telegram.bot_api import CHANNEL, chat_id_of
from bot.channels.telegram.commands import action_payload
from bot.clock import Clock, utc_now
from bot.conversation import Language, Listener, Reply
from bot.shop.policies import Shop
from bot.storage.database import Database
from bot.storage.personal_data import PersonalData
from bot.storage.records import Records
from bot.storage.telegram import Telegram
from bot.texts import text

__all__ = ["MyData"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MyData:
    """Access and erasure for the person who writes in a chat.

    Being in the chat is proof enough for what was said in it, and for nothing else: customer accounts and orders
    are the shop's, which keeps some of them by law.
    """

    database: Database
    bot_id: int
    aside: Aside
    uploads: Path
    shop: Shop
    publish: Listener
    clock: Clock = utc_now

    async def overview(self, address: str, language: Language) -> Reply:
        """Return what is kept, and what can be done about it."""
        async with self.database.read() as session:
            data = PersonalData(session)
            messages, pictures = await data.counts(await data.conversations_at(CHANNEL, address))
        return Reply(
            text=text(
                "telegram_mydata",
                language,
                messages=messages,
                pictures=pictures,
                shop=self.shop.name,
                privacy=self.shop.privacy_url,
            ),
            buttons=[
                {"title": text("telegram_mydata_copy", language), "payload": action_payload("mydata", "copy")},
                {"title": text("telegram_mydata_erase", language), "payload": action_payload("mydata", "erase")},
            ],
        )

    def question(self, language: Language) -> Reply:
        """Return the question whether it is meant."""
        sure, keep = action_payload("mydata", "erase", "sure"), action_payload("mydata", "keep")
        return Reply(
            text=text("telegram_mydata_sure", language),
            buttons=[
                {"title": text("telegram_mydata_sure_yes", language), "payload": sure},
                {"title": text("telegram_mydata_sure_no", language), "payload": keep},
            ],
        )

    async def send_copy(self, address: str, language: Language) -> None:
        """Send everything that is kept, as a file.

        Raises:
            TelegramError: it could not be sent.
        """
        now = self.clock()
        async with self.database.begin() as session:
            data = PersonalData(session)
            conversation_ids = await data.conversations_at(CHANNEL, address)
            rows = await data.export(conversation_ids)
            for conversation_id in conversation_ids:
                Records(session).audit("customer", "privacy.copy", now, conversation_id=conversation_id)
        copy = {"shop": self.shop.name, "at": now.isoformat(), "channel": CHANNEL, "address": address} | rows
        body = json.dumps(copy, ensure_ascii=False, indent=2).encode()
        await self.aside.send_file(address, body, f"{now:%Y-%m-%d}-daten.json", text("telegram_mydata_here", language))

    async def erase(self, address: str, language: Language) -> None:
        """Erase everything that was said in a chat, and in what was joined with it.

        Raises:
            TelegramError: it is erased, but the customer could not be told.
        """
        async with self.database.begin() as session:
            data = PersonalData(session)
            conversation_ids = await data.conversations_at(CHANNEL, address)
            files = await data.erase(conversation_ids)
            await Telegram(session).forget_chat(self.bot_id, chat_id_of(address), address)
            Records(session).audit("customer", "privacy.erase", self.clock(), conversations=len(conversation_ids))
        for name in files:
            (self.uploads / name).unlink(missing_ok=True)
        for conversation_id in conversation_ids:
            await self.publish(conversation_id)
        await self.aside.say(address, text("telegram_erased", language))
