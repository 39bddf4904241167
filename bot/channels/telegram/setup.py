"""Brings what Telegram keeps about the bot into line with the settings: way of receiving, menu, descriptions."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from telegram import Bot, BotCommand, MenuButtonCommands, User, WebhookInfo
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot.channels.telegram.bot_api import ALLOWED_UPDATES, webhook_secret
from bot.channels.telegram.commands import MENU
from bot.conversation import Language
from bot.settings import Settings
from bot.shop.policies import Shop
from bot.texts import text

__all__ = ["WEBHOOK_PATH", "Finding", "examine", "set_up"]

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/webhooks/telegram"
TRY_AGAIN_S = 30.0
MANY_WAITING = 100
ERROR_IS_NEWS_FOR = timedelta(hours=1)
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
# Telegram shows what is set for the person's language, else what is set for none.
LANGUAGES: tuple[tuple[str, Language], ...] = (("", "en"), ("de", "de"))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``words`` say what is wrong, what was repaired, or what to do."""

    what: str
    state: Literal["right", "repaired", "wrong", "advice"]
    words: str = ""


async def set_up(bot: Bot, settings: Settings, shop: Shop) -> None:
    """Repair what can be repaired, trying until Telegram answers; say the rest in the log."""
    while True:
        findings = [finding async for finding in examine(bot, settings, shop, repair=True)]
        for finding in findings:
            if finding.state == "wrong":
                log.error("Telegram, %s: %s", finding.what, finding.words)
            elif finding.state != "right":
                log.info("Telegram, %s: %s", finding.what, finding.words)
        if findings[-1].what != "connection":
            return
        await asyncio.sleep(TRY_AGAIN_S)


async def examine(bot: Bot, settings: Settings, shop: Shop, *, repair: bool) -> AsyncIterator[Finding]:
    """Look at everything in turn, and repair it if asked to. Ends early where nothing more can be learnt."""
    try:
        me = await bot.get_me()
        yield Finding("token", "right", f"@{me.username}")
        yield _groups(me)
        info = await bot.get_webhook_info()
        yield await _receiving(bot, settings, info, repair=repair)
        for finding in _arriving(settings, info):
            yield finding
        yield await _menu(bot, repair=repair)
        yield await _descriptions(bot, shop, repair=repair)
    except InvalidToken:
        yield Finding("token", "wrong", "Telegram refuses it. @BotFather shows the right one under /mybots, API Token.")
    except BadRequest as error:
        yield Finding("settings", "wrong", f"Telegram refuses what was to be set ({error.message}).")
    except TelegramError as error:
        yield Finding("connection", "wrong", f"Telegram does not answer ({type(error).__name__}: {error.message}).")


def _groups(me: User) -> Finding:
    if me.can_join_groups or me.can_read_all_group_messages:
        return Finding(
            "groups",
            "advice",
            "The bot may be added to groups; it says why it does not talk there, and leaves. To rule it out: "
            "@BotFather, /setjoingroups, Disable. No program can set that.",
        )
    return Finding("groups", "right")


async def _receiving(bot: Bot, settings: Settings, info: WebhookInfo, *, repair: bool) -> Finding:
    if settings.telegram_mode == "polling":
        if not info.url:
            return Finding("receiving", "right", "by long polling")
        if not repair:
            return Finding("receiving", "wrong", f"A webhook is set ({info.url}), so polling gets nothing.")
        await bot.delete_webhook(drop_pending_updates=False)
        return Finding("receiving", "repaired", "The webhook was removed; updates come by long polling.")
    url, secret = settings.url + WEBHOOK_PATH, webhook_secret(settings)
    if not _SECRET.fullmatch(secret):
        return Finding("receiving", "wrong", "ZUSAGE_TELEGRAM_SECRET may have 1 to 256 letters, digits, _ and - only.")
    if not url.startswith("https://") and not url.startswith("http://127.0.0.1"):
        return Finding(
            "receiving", "wrong", f"Telegram brings updates to https addresses only; ZUSAGE_PUBLIC_URL makes it {url}."
        )
    same = info.url == url and set(info.allowed_updates or ()) == set(ALLOWED_UPDATES)
    if not repair:
        return Finding("receiving", "right" if same else "wrong", f"webhook {info.url or 'not set'}, should be {url}")
    # Always set: whether the secret is still the same cannot be asked.
    await bot.set_webhook(url, allowed_updates=ALLOWED_UPDATES, secret_token=secret, drop_pending_updates=False)
    if same:
        return Finding("receiving", "right", f"by webhook at {url}")
    return Finding("receiving", "repaired", f"The webhook was set; updates come to {url}.")


def _arriving(settings: Settings, info: WebhookInfo) -> Iterator[Finding]:
    """Tell what Telegram said before anything was repaired about updates that it could not bring."""
    ours = settings.telegram_mode == "webhook" and info.url == settings.url + WEBHOOK_PATH
    if ours and info.last_error_date and datetime.now(UTC) - info.last_error_date < ERROR_IS_NEWS_FOR:
        at = info.last_error_date.astimezone().strftime("%H:%M")
        yield Finding("webhook", "wrong", f"At {at} Telegram could not bring an update: {info.last_error_message}")
    if info.pending_update_count > MANY_WAITING:
        yield Finding("updates", "advice", f"{info.pending_update_count} updates wait to be fetched.")


async def _menu(bot: Bot, *, repair: bool) -> Finding:
    wrong: list[str] = []
    for code, language in LANGUAGES:
        wanted = [
            BotCommand(name, text(f"telegram_command_{command}", language)) for name, command in MENU[language].items()
        ]
        if list(await bot.get_my_commands(language_code=code or None)) != wanted:
            wrong.append(language)
            if repair:
                await bot.set_my_commands(wanted, language_code=code or None)
    if not isinstance(await bot.get_chat_menu_button(), MenuButtonCommands):
        wrong.append("button")
        if repair:
            await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
    return _finding("menu", wrong, repair=repair)


async def _descriptions(bot: Bot, shop: Shop, *, repair: bool) -> Finding:
    """Compare what a person reads before the first message: that this is a bot, and where the privacy page is."""
    wrong: list[str] = []
    for code, language in LANGUAGES:
        long = text("telegram_description", language, shop=shop.name, privacy=shop.privacy_url)
        short = text("telegram_short_description", language, shop=shop.name)
        if (await bot.get_my_description(language_code=code or None)).description != long:
            wrong.append(f"description ({language})")
            if repair:
                await bot.set_my_description(long, language_code=code or None)
        if (await bot.get_my_short_description(language_code=code or None)).short_description != short:
            wrong.append(f"short description ({language})")
            if repair:
                await bot.set_my_short_description(short, language_code=code or None)
    return _finding("descriptions", wrong, repair=repair)


def _finding(what: str, wrong: list[str], *, repair: bool) -> Finding:
    if not wrong:
        return Finding(what, "right")
    words = f"{', '.join(wrong)} {'set' if repair else 'not as wanted'}"
    return Finding(what, "repaired" if repair else "wrong", words)
