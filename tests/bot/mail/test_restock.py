"""Who asked for it hears once that something is back."""

from sqlalchemy import select, update

from bot.mail.restock import RestockNotices
from bot.storage.mail_tables import MailRow
from bot.storage.shop_tables import ProductRow, StockWatchRow, VariantRow
from tests.bot.mail.conftest import NOW


async def test_once_it_is_back_everybody_who_asked_hears_it_once(database, mailer, clock) -> None:
    async with database.begin() as session:
        product = ProductRow(key="p", name="Troyer Hooge", name_en="Hooge sweater", category="Strick", source="import")
        session.add(product)
        await session.flush()
        session.add(
            VariantRow(
                product_id=product.id, sku="TR-M", name="Marine, M", name_en="Navy, M", price_cents=11900, stock=0
            )
        )
        for language, email in (("de", "jana@example.org"), ("en", "jane@example.org")):
            session.add(StockWatchRow(sku="TR-M", email=email, email_key=email, language=language, created_at=NOW))
    job = RestockNotices(database, mailer, clock)
    assert await job.tell() == 0
    async with database.begin() as session:
        await session.execute(update(VariantRow).values(stock=3))
    assert [await job.tell(), await job.tell()] == [2, 0]
    async with database.read() as session:
        german, english = await session.scalars(select(MailRow).order_by(MailRow.id))
    assert (german.to, german.subject) == ("jana@example.org", "Wieder da: Troyer Hooge")
    assert (english.to, english.subject) == ("jane@example.org", "Back in stock: Hooge sweater")
    assert "Navy, M" in english.text
