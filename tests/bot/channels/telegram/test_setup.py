"""What Telegram keeps about the bot is repaired, the webhook lets in nobody else, the token stays secret."""

import io
import logging
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.channels.telegram.bot_api import ALLOWED_UPDATES, make_bot, webhook_secret
from bot.channels.telegram.commands import MENU
from bot.channels.telegram.playground.server import FakeTelegram
from bot.channels.telegram.setup import WEBHOOK_PATH, Finding, examine
from bot.logs import MaskingFormatter
from bot.settings import Settings
from bot.shop.policies import load_policies
from bot.storage.telegram_tables import TelegramUpdate
from tests.engine_double import serve
from tests.telegram_double.world import running, until

WEBHOOK = {"telegram_mode": "webhook", "public_url": "https://chat.shop.example"}
HOOK = "https://chat.shop.example/webhooks/telegram"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    telegram = FakeTelegram()
    async with serve(telegram.app) as url:
        telegram.url = url
        yield telegram
        await telegram.close()


async def findings(telegram: FakeTelegram, settings: Settings, *, repair: bool = True, **more: object) -> list[Finding]:
    update = {"telegram_token": SecretStr(telegram.token), "telegram_api_url": telegram.url} | more
    settings = settings.model_copy(update=update)
    bot = make_bot(settings)
    try:
        return [f async for f in examine(bot, settings, load_policies(settings.policies).shop, repair=repair)]
    finally:
        await bot.request.shutdown()


def states(found: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.state for finding in found}


def words(found: list[Finding], what: str) -> str:
    return next(finding.words for finding in found if finding.what == what)


class TestExamine:
    async def test_a_new_bot_gets_its_menus_and_descriptions(self, telegram, settings) -> None:
        before = await findings(telegram, settings, repair=False)
        assert states(before) == {
            "token": "right",
            "groups": "right",
            "receiving": "right",
            "menu": "wrong",
            "descriptions": "wrong",
        }
        assert telegram.settings["commands"] == {}
        assert states(await findings(telegram, settings)) == states(before) | {
            "menu": "repaired",
            "descriptions": "repaired",
        }
        assert set(states(await findings(telegram, settings)).values()) == {"right"}
        commands = telegram.settings["commands"]
        assert [c["command"] for c in commands["de"]] == list(MENU["de"])
        assert [c["command"] for c in commands[""]] == list(MENU["en"])
        # Before the first message a person reads that this is a bot, and where the privacy page is.
        description = telegram.settings["texts"]["description", "de"]
        assert "digitale Assistent" in description
        assert load_policies(settings.policies).shop.privacy_url in description

    async def test_a_webhook_is_set_and_taken_away_again_without_losing_updates(self, telegram, settings) -> None:
        assert states(await findings(telegram, settings, repair=False, **WEBHOOK))["receiving"] == "wrong"
        assert states(await findings(telegram, settings, **WEBHOOK))["receiving"] == "repaired"
        assert (telegram.webhook.url, telegram.webhook.allowed) == (HOOK, ALLOWED_UPDATES)
        assert states(await findings(telegram, settings, **WEBHOOK))["receiving"] == "right"
        assert states(await findings(telegram, settings, repair=False))["receiving"] == "wrong"
        telegram.person("Anna")
        telegram.say(telegram.people[1001], "unterwegs")
        assert states(await findings(telegram, settings))["receiving"] == "repaired"
        assert (telegram.webhook.url, telegram.undelivered) == ("", 1)

    async def test_updates_that_could_not_be_brought_are_told_of(self, telegram, settings) -> None:
        await findings(telegram, settings, **WEBHOOK)
        telegram.webhook.last_error = "Wrong response from the webhook: 502 Bad Gateway"
        telegram.webhook.last_error_at = int(time.time())
        found = await findings(telegram, settings, **WEBHOOK)
        assert states(found)["webhook"] == "wrong"
        assert "502 Bad Gateway" in words(found, "webhook")

    async def test_a_webhook_needs_https_and_a_secret_that_telegram_takes(self, telegram, settings) -> None:
        plain = await findings(telegram, settings, **WEBHOOK | {"public_url": "http://shop.example"})
        assert states(plain)["receiving"] == "wrong"
        assert "https" in words(plain, "receiving")
        odd = await findings(telegram, settings, **WEBHOOK, telegram_secret=SecretStr("mit Leerzeichen"))
        assert states(odd)["receiving"] == "wrong"
        assert telegram.webhook.url == ""

    async def test_a_wrong_token_and_no_answer_are_told_apart(self, telegram, settings) -> None:
        wrong = await findings(telegram, settings, telegram_token=SecretStr("4242:wrong"))
        assert states(wrong) == {"token": "wrong"}
        nobody = await findings(telegram, settings, telegram_api_url="http://127.0.0.1:9")
        assert states(nobody) == {"connection": "wrong"}


class TestWebhook:
    async def test_only_telegram_may_bring_updates(self, settings, engine_double) -> None:
        async with running(settings, engine_double, mode="webhook") as world:
            await until(lambda: world.telegram.webhook.url)
            update = {"update_id": 1, "message": {"message_id": 1, "date": 0, "chat": {"id": 7, "type": "private"}}}
            async with httpx.AsyncClient(base_url=world.url, trust_env=False) as http:
                for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guessed"}):
                    response = await http.post(WEBHOOK_PATH, json=update, headers=headers)
                    assert response.status_code == 401
                right = {"X-Telegram-Bot-Api-Secret-Token": webhook_secret(world.settings)}
                for body in ([], {}, {"update_id": "1"}):
                    assert (await http.post(WEBHOOK_PATH, json=body, headers=right)).status_code == 422
                for _ in range(3):
                    assert (await http.post(WEBHOOK_PATH, json=update, headers=right)).json() == {"ok": True}
            async with world.database.read() as session:
                assert (await session.scalars(select(TelegramUpdate.update_id))).all() == [1]

    def test_the_secret_is_the_settings_or_made_of_what_only_we_know(self) -> None:
        def secret(**settings: str) -> str:
            return webhook_secret(Settings(_env_file=None, **{"telegram_token": "1:a", "secret_key": "k", **settings}))

        assert secret() == secret()
        assert len({secret(), secret(telegram_token="1:b"), secret(secret_key="another")}) == 3
        assert secret(telegram_secret="chosen") == "chosen"


async def test_the_token_is_in_no_log_whatever_happens(settings, engine_double) -> None:
    """At the most talkative level, through sending, failing and Telegram gone."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(MaskingFormatter("%(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    loggers = [logging.getLogger(name) for name in (None, "httpx", "httpcore", "telegram")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        telegram = FakeTelegram(token="123456789:AAEvery-secret_part-of-the-token-0", per_chat_s=0.0)
        async with running(settings, engine_double, telegram=telegram) as world:
            anna = telegram.person("Anna")
            telegram.say(anna, "hallo")
            await world.hears(anna, "echo: hallo")
            telegram.faults.script = ["bad", "too_many", "refuse"]
            for word in ("eins", "zwei", "drei"):
                telegram.say(anna, word)
            await until(lambda: not telegram.faults.script)
            await world.cut_off()
            await until(lambda: "Telegram does not answer" in out.getvalue())
    finally:
        root.removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    assert "getUpdates" in out.getvalue() or "GetUpdates" in out.getvalue()  # something was logged of it
    assert "secret_part" not in out.getvalue()
