"""Writes whole shops: many customers, products and orders at a time, in place of what was there of the same keys."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.shop.models import Customer, Order, Product, Voucher, normal_email, normal_number
from bot.shop.search_words import product_text
from bot.storage import shop_rows
from bot.storage.database import Database
from bot.storage.shop_tables import (
    ClaimRow,
    CustomerAddressRow,
    CustomerRow,
    LineRow,
    NewsletterRow,
    OrderChangeRow,
    OrderRow,
    PaymentOptionRow,
    PaymentRow,
    ProductRow,
    RefundRow,
    ReturnLineRow,
    ReturnRow,
    ShipmentLineRow,
    ShipmentRow,
    ShopStateRow,
    StockWatchRow,
    VariantRow,
    VoucherRow,
)

__all__ = ["ShopLoader", "insert_rows", "reserve_ids"]

Rows = dict[type[Any], list[dict[str, Any]]]
# Parents before children.
ORDER_OF_TABLES: tuple[type[Any], ...] = (
    CustomerRow,
    CustomerAddressRow,
    PaymentOptionRow,
    NewsletterRow,
    ProductRow,
    VariantRow,
    VoucherRow,
    OrderRow,
    LineRow,
    PaymentRow,
    ShipmentRow,
    ShipmentLineRow,
    RefundRow,
    ReturnRow,
    ReturnLineRow,
    ClaimRow,
    OrderChangeRow,
)


class ShopLoader:
    """Loads shop data. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self, key: str) -> dict[str, Any] | None:
        """Return something the shop side remembers about itself."""
        async with self._database.read() as session:
            row = await session.get(ShopStateRow, key)
            return row.value if row is not None else None

    async def replace_all(
        self,
        source: str,
        *,
        customers: Sequence[Customer],
        products: Sequence[Product],
        orders: Sequence[Order],
        vouchers: Sequence[Voucher],
        state_key: str,
        state: dict[str, Any],
        now: datetime,
    ) -> None:
        """Put a whole shop in place of what the same source wrote before, and remember its state, or do nothing.

        Args:
            source: whose data is replaced; that of others stays.
            customers: of the shop.
            products: with their variants.
            orders: of these customers.
            vouchers: codes and gift cards.
            state_key: under which ``state`` is kept.
            state: what is remembered with the data.
            now: when newsletter subscriptions count as begun.
        """
        async with self._database.begin() as session:
            for table in (OrderRow, CustomerRow, ProductRow, VoucherRow):
                await session.execute(delete(table).where(table.source == source))
            await session.execute(delete(StockWatchRow))
            rows: Rows = defaultdict(list)
            await self._add_customers(session, rows, customers, source, now)
            await self._add_products(session, rows, products, source)
            for voucher in vouchers:
                rows[VoucherRow].append(
                    {
                        "code_key": normal_number(voucher.code),
                        "voucher": voucher.model_dump(mode="json"),
                        "source": source,
                    }
                )
            keys = {row["key"]: row["id"] for row in rows[CustomerRow]}
            await self._add_orders(session, rows, orders, keys, source)
            await insert_rows(session, rows)
            kept = await session.get(ShopStateRow, state_key)
            if kept is None:
                session.add(ShopStateRow(key=state_key, value=state))
            else:
                kept.value = state

    async def _add_customers(
        self, session: AsyncSession, rows: Rows, customers: Sequence[Customer], source: str, now: datetime
    ) -> None:
        ids = await reserve_ids(session, CustomerRow, len(customers))
        letters = set(await session.scalars(select(NewsletterRow.email_key)))
        for customer, customer_id in zip(customers, ids, strict=True):
            rows[CustomerRow].append(shop_rows.customer_values(customer, customer_id, source))
            rows[CustomerAddressRow].extend(shop_rows.address_values(customer, customer_id))
            rows[PaymentOptionRow].extend(shop_rows.option_values(customer, customer_id))
            if customer.newsletter and normal_email(customer.email) not in letters:
                rows[NewsletterRow].append(
                    {
                        "email_key": normal_email(customer.email),
                        "email": customer.email,
                        "language": customer.language,
                        "state": "subscribed",
                        "changed_at": now,
                    }
                )

    async def _add_products(self, session: AsyncSession, rows: Rows, products: Sequence[Product], source: str) -> None:
        ids = await reserve_ids(session, ProductRow, len(products))
        for product, product_id in zip(products, ids, strict=True):
            rows[ProductRow].append(shop_rows.product_values(product, product_id, product_text(product), source))
            rows[VariantRow].extend(
                shop_rows.variant_values(variant, product_id, position)
                for position, variant in enumerate(product.variants)
            )

    async def _add_orders(
        self, session: AsyncSession, rows: Rows, orders: Sequence[Order], customer_ids: dict[str, int], source: str
    ) -> None:
        ids = await reserve_ids(session, OrderRow, len(orders))
        return_ids = iter(await reserve_ids(session, ReturnRow, sum(len(order.returns) for order in orders)))
        for order, order_id in zip(orders, ids, strict=True):
            for table, values in shop_rows.order_values(
                order, order_id, customer_ids[order.customer_id], source
            ).items():
                rows[table].extend(values)
            for entry in order.returns:
                return_id = next(return_ids)
                rows[ReturnRow].append({"id": return_id, **shop_rows.return_values(entry, order_id)})
                rows[ReturnLineRow].extend(shop_rows.return_line_values(entry, return_id))
            rows[ClaimRow].extend(shop_rows.claim_values(claim, order_id) for claim in order.claims)
            rows[OrderChangeRow].extend(
                {
                    "key": f"{source}:{normal_number(order.number)}:{position}",
                    "order_id": order_id,
                    "operation": done.operation,
                    "applied": {},
                    "at": done.at,
                }
                for position, done in enumerate(order.done)
            )


async def reserve_ids(session: AsyncSession, table: type[Any], count: int) -> Iterable[int]:
    """Reserve keys, so that children can be written without asking for their parents'."""
    if count == 0:
        return range(0)
    if session.get_bind().dialect.name == "postgresql":
        found = await session.scalars(
            text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"),
            {"name": table.__tablename__, "count": count},
        )
        return list(found)
    # The transaction holds SQLite's only write lock.
    highest = (await session.scalars(select(func.max(table.id)))).one() or 0
    return range(highest + 1, highest + 1 + count)


async def insert_rows(session: AsyncSession, rows: Rows) -> None:
    """Write rows, parents before children."""
    connection = await session.connection()
    for table in ORDER_OF_TABLES:
        if rows.get(table):
            # Straight to the driver: these rows are never looked at as objects.
            await connection.execute(insert(table.__table__), rows[table])
