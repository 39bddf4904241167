"""The channel as a whole: made of its parts, started and stopped with the service."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Header, Request

from bot.channels.telegram.arrivals import Arrivals
from bot.channels.telegram.aside import Aside
from bot.channels.telegram.bot_api import CHANNEL, bot_id_of, make_bot, webhook_secret
from bot.channels.telegram.handling import Handling
from bot.channels.telegram.intake import Intake
from bot.channels.telegram.joining import Joining
from bot.channels.telegram.joining_routes import joining_routes
from bot.channels.telegram.keyboards import Keyboards
from bot.channels.telegram.leader import Leader
from bot.channels.telegram.mydata import MyData
from bot.channels.telegram.pacing import Pace
from bot.channels.telegram.polling import Poller
from bot.channels.telegram.sender import TelegramSender
from bot.channels.telegram.setup import WEBHOOK_PATH, set_up
from bot.channels.web.uploads import Uploads
from bot.channels.web.visitors import Visitors
from bot.clock import Clock, utc_now
from bot.errors import InvalidInput, Unauthenticated
from bot.handoff.service import HandoffService
from bot.outbox import Outbox
from bot.settings import Settings
from bot.shop.policies import Shop
from bot.storage.database import Database
from bot.storage.wakeup import Notice, Wakeup
from bot.turn import TurnHandler

__all__ = ["TelegramChannel"]

log = logging.getLogger(__name__)

# The notice that updates were stored, for the process that handles them.
STORED = "telegram"


class TelegramChannel:
    """One bot. In every process it takes what the webhook brings; in one it polls, handles and sends."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        turns: TurnHandler,
        handoffs: HandoffService,
        wakeup: Wakeup,
        visitors: Visitors,
        shop: Shop,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._wakeup = wakeup
        self._visitors = visitors
        self._shop = shop
        uploads = settings.data_dir / "uploads"
        self.bot = make_bot(settings)
        self.bot_id = bot_id_of(settings)
        self.pace = Pace(per_second=settings.telegram_per_second)
        self.sender = TelegramSender(settings, database, self.bot, uploads, shop.name, clock)
        self.keyboards = Keyboards(database, self.bot, clock)
        self.arrivals = Arrivals(database, self.bot_id, self.keyboards, self._announce, clock)
        aside = Aside(self.bot, self.pace)
        self.joining = Joining(
            settings, database, self.bot, aside, visitors, publish=wakeup.publish, shop=shop, clock=clock
        )
        self.handling = Handling(
            settings=settings,
            database=database,
            bot=self.bot,
            bot_id=self.bot_id,
            turns=turns,
            handoffs=handoffs,
            keyboards=self.keyboards,
            uploads=Uploads(uploads),
            joining=self.joining,
            mydata=MyData(database, self.bot_id, aside, uploads, shop, wakeup.publish, clock),
            shop=shop,
            clock=clock,
        )
        # Polling brings updates in Telegram's order.
        hold = timedelta(seconds=settings.telegram_hold_s) if settings.telegram_mode == "webhook" else None
        self.intake = Intake(database, self.bot, self.bot_id, self.handling, hold=hold, clock=clock)
        self.leader = Leader(
            database, f"{CHANNEL}:{self.bot_id}", turns.owner, won=self._begin, lost=self._end, clock=clock
        )
        self._outbox: Outbox | None = None
        self._leading: list[asyncio.Task[None]] = []
        self._leader_task: asyncio.Task[None] | None = None
        wakeup.listen_to_notices(self._heard)

    @property
    def routes(self) -> APIRouter:
        """The webhook, and what the chat on the website asks."""
        secret = webhook_secret(self._settings).encode()
        hook = APIRouter(include_in_schema=False)

        @hook.post(WEBHOOK_PATH)
        async def webhook(
            request: Request, x_telegram_bot_api_secret_token: Annotated[str, Header()] = ""
        ) -> dict[str, bool]:
            if not compare_digest(x_telegram_bot_api_secret_token.encode(), secret):
                raise Unauthenticated("This is not Telegram: the secret token is missing or wrong.")
            try:
                body = await request.json()
                if not isinstance(body, dict):
                    raise ValueError("an update is an object")
                await self.arrivals.take([body])
            except ValueError as error:
                raise InvalidInput(f"This is no update: {error}") from None
            return {"ok": True}

        router = APIRouter()
        router.include_router(hook)
        router.include_router(joining_routes(self._settings, self._visitors, self.joining))
        return router

    async def forget_old(self) -> None:
        """Drop updates and codes that nobody needs any more."""
        await self.intake.forget_old_updates()
        await self.joining.forget_old_codes()

    async def start(self, outbox: Outbox) -> None:
        """Begin, in this process or as its stand-by."""
        self._outbox = outbox
        self._leader_task = asyncio.create_task(self.leader.run(), name="telegram-leader")

    async def stop(self) -> None:
        """Stop receiving and handling; to be called before the outbox stops."""
        if self._leader_task is not None:
            self._leader_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._leader_task
        await self.leader.give_back()
        await self.arrivals.stop()

    async def close(self) -> None:
        """Close all connections; to be called after the outbox stopped."""
        await self.bot.request.shutdown()

    # -- what the one process does

    async def _begin(self) -> None:
        if self._outbox is not None:
            # Whoever sent before us is gone, so what it was sending has ended one way or the other.
            await self._outbox.settle_cut_off(CHANNEL, after=timedelta(0))
        self.pace.open()
        self._leading = [
            asyncio.create_task(self.intake.run(), name="telegram-intake"),
            asyncio.create_task(self._receive(), name="telegram-receive"),
        ]

    async def _end(self) -> None:
        self.pace.close()
        for task in self._leading:
            task.cancel()
        await asyncio.gather(*self._leading, return_exceptions=True)
        self._leading = []
        await self.handling.stop()

    async def _receive(self) -> None:
        """Bring the bot's settings into line, then fetch updates, unless Telegram brings them."""
        await set_up(self.bot, self._settings, self._shop)
        if self._settings.telegram_mode == "polling":
            await Poller(self.bot, self.arrivals).run()

    async def _announce(self) -> None:
        await self._wakeup.announce(Notice(STORED))

    async def _heard(self, notice: Notice) -> None:
        if notice.kind == STORED and self.leader.leads:
            self.intake.wake()
