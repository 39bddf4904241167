"""The whole service with a Telegram that runs here: real app, real database, the engine's double."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from bot.app import create_app
from bot.channels.telegram.playground.server import FakeTelegram, Person
from bot.channels.web.uploads import Uploads
from bot.clock import utc_now
from bot.conversation import ConversationState
from bot.escalation import EscalationReason
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.settings import Settings
from bot.storage.chats import Chats
from bot.storage.database import Database
from bot.storage.handoffs import Handoffs
from bot.storage.tables import Agent, ConversationRow
from tests.engine_double import EngineDouble, free_port, serve

WITHIN_S = 60


class World:
    """A running service and its Telegram."""

    def __init__(self, settings: Settings, telegram: FakeTelegram, engine: EngineDouble, url: str) -> None:
        self.settings, self.telegram, self.engine, self.url = settings, telegram, engine, url
        self.database = Database(settings.database)
        self.api: AsyncExitStack
        self.api_port = 0

    async def hears(self, person: Person, *texts: str) -> None:
        """Wait until the bot has said exactly this to a person, in this order, behind the opening words."""
        await until(
            lambda: self.telegram.texts(person)[-len(texts) :] == list(texts), lambda: self.telegram.texts(person)
        )

    async def cut_off(self) -> None:
        """Let nobody be there at Telegram's address."""
        await self.api.aclose()

    async def back_again(self) -> None:
        """Let Telegram be there again."""
        await self.api.enter_async_context(serve(self.telegram.app, self.api_port))

    async def agent_says(self, words: str, picture: bytes | None = None) -> None:
        """Let an agent, who steps in if need be, write in the only conversation there is."""
        hours = ServiceHours("Mon-Sun 00:00-23:59", self.settings.zone)
        handoffs = HandoffService(hours, 300)
        attachments = []
        async with self.database.begin() as session:
            (conversation,) = await session.scalars(select(ConversationRow))
            if picture is not None:
                attachment, name = await Uploads(self.settings.data_dir / "uploads").keep(picture, "bild.jpg")
                await Chats(session).add_attachment(conversation.id, attachment, name, utc_now())
                attachments.append(attachment)
            agent = await session.scalar(select(Agent))
            if agent is None:
                words_of = {"email": "lena@example.com", "name": "Lena", "role": "agent", "password_hash": "-"}
                agent = Agent(**words_of, created_at=utc_now())
                session.add(agent)
                await session.flush()
            if conversation.state != ConversationState.AGENT:
                await handoffs.take_over(session, conversation.id, agent, EscalationReason.CUSTOMER_ASKED, utc_now())
            handoff = await Handoffs(session).open_of(conversation.id)
            await handoffs.reply(session, handoff.id, agent, words, utc_now(), attachments=attachments)

    async def hears_something_with(self, person: Person, words: str) -> None:
        await until(lambda: any(words in t for t in self.telegram.texts(person)), lambda: self.telegram.texts(person))


async def until(condition: Callable[[], Any], otherwise: Callable[[], Any] = lambda: None) -> None:
    """Wait for a condition; fail with what there is instead."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        await asyncio.sleep(0.02)


async def eventually(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Look until there is what is wanted; fail with what there is instead."""
    deadline = time.monotonic() + WITHIN_S
    while (seen := await look()) != wanted:
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.05)


@asynccontextmanager
async def running(
    settings: Settings,
    engine: EngineDouble,
    *,
    mode: str = "polling",
    telegram: FakeTelegram | None = None,
    **more: Any,
) -> AsyncIterator[World]:
    """Serve the service with Telegram for the length of a block."""
    telegram = telegram or FakeTelegram(per_chat_s=0.0)
    port, api_port = free_port(), free_port()
    settings = settings.model_copy(
        update={
            "port": port,
            "engine_url": engine.url,
            "telegram_token": SecretStr(telegram.token),
            "telegram_api_url": f"http://127.0.0.1:{api_port}",
            "telegram_mode": mode,
            **more,
        }
    )
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(AsyncExitStack())
        await api.enter_async_context(serve(telegram.app, api_port))
        stack.push_async_callback(telegram.close)
        url = await stack.enter_async_context(serve(create_app(settings), port))
        world = World(settings, telegram, engine, url)
        world.api, world.api_port = api, api_port
        stack.push_async_callback(world.database.close)
        yield world
