"""The engine knows what the shop sells, and an order by its digits alone."""

from pathlib import Path

from bot.shop.product_names import FILE_NAME, ProductNameFile
from tests.bot.shop.conftest import Desk


class TestProductNameFile:
    async def test_has_every_product_by_both_names(self, desk: Desk, tmp_path: Path) -> None:
        path = tmp_path / "new" / FILE_NAME
        assert await ProductNameFile(path, desk.shop).write()
        lines = path.read_text(encoding="utf-8").splitlines()
        for product in desk.data.products:
            assert product.name in lines
            if product.name_en and product.name_en != product.name:
                assert f"{product.name_en}\t{product.name}" in lines

    async def test_is_left_alone_where_nothing_has_changed(self, desk: Desk, tmp_path: Path) -> None:
        names = ProductNameFile(tmp_path / FILE_NAME, desk.shop)
        await names.write()
        before = (tmp_path / FILE_NAME).stat().st_mtime_ns
        assert not await names.write()
        assert (tmp_path / FILE_NAME).stat().st_mtime_ns == before

    async def test_a_name_over_two_lines_stays_one_product(self, tmp_path: Path) -> None:
        class Shop:
            async def product_names(self) -> list[tuple[str, str | None]]:
                return [("Regal\n \t„Nordlicht“", None)]

        await ProductNameFile(tmp_path / FILE_NAME, Shop()).write()
        assert (tmp_path / FILE_NAME).read_text(encoding="utf-8") == "Regal „Nordlicht“\n"


class TestAnOrderByItsDigits:
    async def test_is_the_one_whose_letters_were_left_out(self, desk: Desk) -> None:
        order = desk.sample("in_transit")
        digits = "".join(filter(str.isdigit, order.number))
        found = await desk.shop.order(digits)
        assert found is not None
        assert found.number == order.number
        data = await desk.done("verify", order_number=digits, email=order.email)
        assert (data["state"], data["order_number"]) == ("verified", order.number)

    async def test_attempts_count_together(self, desk: Desk) -> None:
        order = desk.data.orders[0]
        digits = "".join(filter(str.isdigit, order.number))
        states = [
            (await desk.done("verify", order_number=number, email="wrong@example.org"))["state"]
            for number in [order.number, digits, order.number, digits, order.number, digits]
        ]
        assert states[0] == "failed"
        assert states[-1] == "locked"

    async def test_needs_most_of_them(self, desk: Desk) -> None:
        digits = "".join(filter(str.isdigit, desk.data.orders[0].number))
        assert await desk.shop.order(digits[-3:]) is None
