"""A notice reaches the customer: in their channel, or else by mail, once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from bot.channels.web.labels import label_pdf
from bot.mail.links import Links
from bot.mail.mailer import Mailer
from bot.mail.reach import COME_BACK, Reach
from bot.mail.rendering import Templates
from bot.promises.checker import PromiseChecker
from bot.shop.policies import load_policies
from bot.storage.mail_tables import MailRow
from bot.storage.promises import SqlPromiseFacts
from bot.storage.tables import ChannelLink, ConversationRow, PromiseRow
from tests.bot.mail.conftest import ROOT
from tests.bot.promises.test_checker import BERLIN, NOW, World

LATER = date(2026, 11, 23)


class ReachingWorld(World):
    def __init__(self, database) -> None:
        super().__init__(database)
        shop = load_policies(ROOT / "policies.yml").shop
        self.present: set[int] = set()
        mailer = Mailer(
            database,
            Templates(shop, BERLIN, "http://test"),
            shop,
            Links("k", "http://test"),
            print_label=label_pdf,
            sends=True,
            clock=lambda: self.now,
        )
        reach = Reach(mailer, lambda conversation_id: conversation_id in self.present, lambda: self.now)

        async def publish(_conversation_id: int) -> None: ...

        self.checker = PromiseChecker(database, SqlPromiseFacts(database), BERLIN, publish, lambda: self.now, reach)

    async def channel(self, name: str) -> None:
        async with self.database.begin() as session:
            await session.execute(update(ConversationRow).values(channel=name))
            await session.execute(update(ChannelLink).values(channel=name))

    async def mails(self) -> list[MailRow]:
        async with self.database.read() as session:
            return list(await session.scalars(select(MailRow)))


@pytest.fixture
async def world(database) -> ReachingWorld:
    world = ReachingWorld(database)
    await world.order_with_promise(expected_on=LATER)
    return world


async def test_a_client_that_only_asks_is_written_to_at_once(world) -> None:
    await world.channel("rest")
    await world.checker.check()
    (mail,) = await world.mails()
    assert (mail.to, mail.template, mail.next_try_at) == ("a@example.org", "promise_notice", NOW)
    assert "LM-1" in mail.subject
    assert (await world.notices())[0] in " ".join(mail.text.split())


async def test_it_is_said_once_however_often_it_is_checked(world) -> None:
    await world.channel("rest")
    for _ in range(3):
        await world.checker.check()
        world.now += timedelta(hours=1)
    assert len(await world.mails()) == 1


async def test_a_visitor_who_has_the_chat_open_gets_no_mail(world) -> None:
    world.present.add(1)
    await world.checker.check()
    assert await world.mails() == []
    assert len(await world.notices()) == 1


async def test_a_visitor_who_is_gone_has_ten_minutes_to_come_back(world) -> None:
    await world.checker.check()
    (mail,) = await world.mails()
    assert mail.next_try_at == NOW + COME_BACK
    assert mail.unless_seen == 1


async def test_telegram_reaches(world) -> None:
    await world.channel("telegram")
    await world.checker.check()
    assert await world.mails() == []


async def test_a_chat_that_refuses_us_is_replaced_by_mail(world) -> None:
    await world.channel("telegram")
    async with world.database.begin() as session:
        await session.execute(update(ChannelLink).values(dead_at=NOW))
    await world.checker.check()
    (mail,) = await world.mails()
    assert mail.next_try_at == NOW


async def test_the_mail_goes_to_the_orders_address_and_no_other(world) -> None:
    """Whoever holds the conversation may have proved only a postcode; the shop's record decides where mail goes."""
    await world.channel("rest")
    async with world.database.begin() as session:
        await session.execute(update(PromiseRow).values(order_number="LM-404"))
    await world.checker.check()
    world.now += timedelta(days=4)
    await world.checker.check()
    assert await world.mails() == []
