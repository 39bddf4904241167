"""Operations beside orders: the shop, its products, vouchers, newsletter, privacy, withdrawal."""

from datetime import date
from typing import Any

from email_validator import EmailNotValidError, validate_email

from bot.shop.access import ShopAccess
from bot.shop.arguments import (
    CheckVoucher,
    Newsletter,
    NoArguments,
    NotifyRestock,
    PrivacyRequest,
    ProductAvailability,
    ProductSearch,
    WithdrawContract,
)
from bot.shop.backend import Found
from bot.shop.changes import FileRequest, RecordWithdrawal, SetNewsletter, WatchStock
from bot.shop.declaration import declaration
from bot.shop.mailing import Mail
from bot.shop.models import Product, Variant, Voucher, mask_email, normal_email
from bot.shop.operations import Call, Operation
from bot.shop.product_views import product_view, variant_view
from bot.shop.rules.ground import Denied, Plan
from bot.shop.rules.variants import choose_variant, matching_variants
from bot.shop.views import shop_view

__all__ = ["service_operations"]

# A product is meant, and not merely touched, when it fits at least this well; and clearly better than the next.
MEANT = 0.5
CLEARLY = 0.15


def service_operations(shop: ShopAccess) -> list[Operation]:
    """Return the operations beside orders."""
    desk = _ServiceDesk(shop)
    return [
        Operation("shop_info", NoArguments, desk.shop_info),
        Operation("product_search", ProductSearch, desk.product_search),
        Operation("product_availability", ProductAvailability, desk.product_availability),
        Operation("notify_restock", NotifyRestock, desk.notify_restock, once=True),
        Operation("check_voucher", CheckVoucher, desk.check_voucher, once=True),
        Operation("newsletter", Newsletter, desk.newsletter, once=True),
        Operation("privacy_request", PrivacyRequest, desk.privacy_request, once=True),
        Operation("withdraw_contract", WithdrawContract, desk.withdraw_contract, once=True),
    ]


class _ServiceDesk:
    """One method per operation."""

    def __init__(self, shop: ShopAccess) -> None:
        self.shop = shop

    async def shop_info(self, call: Call, args: NoArguments) -> dict[str, Any]:
        return shop_view(self.shop.ground(call), self.shop.hours)

    # Products

    async def product_search(self, call: Call, args: ProductSearch) -> dict[str, Any]:
        found = await self.shop.backend.search_products(args.query, args.category, args.limit)
        return {"products": [product_view(entry) for entry in found]}

    async def product_availability(self, call: Call, args: ProductAvailability) -> dict[str, Any]:
        line_sku = None
        if args.order_number is not None:
            order, _ = await self.shop.proven(call, "order", args.order_number)
            line = order.line(args.line_id or "")
            if line is None:
                raise Denied("unknown_line", line_id=args.line_id, line_ids=[entry.id for entry in order.lines])
            line_sku = line.sku
        product = await self._product(args.sku or line_sku, args.query)
        variants = list(product.variants)
        if args.sku is not None:
            variants = [variant for variant in variants if variant.sku == args.sku]
        elif args.wish is not None or args.query is not None:
            current = next((variant for variant in variants if variant.sku == line_sku), None)
            variants = matching_variants(product, args.wish or args.query or "", current) or variants
        low = self._low_stock
        return {
            "product": product_view(Found(product, 1.0)),
            "variants": [variant_view(variant, low) for variant in variants],
        }

    async def notify_restock(self, call: Call, args: NotifyRestock) -> Plan:
        self.shop.must_be_able("notify_restock")
        product = await self._product(args.sku, args.query)
        variant = self._variant(product, args.sku, args.wish or args.query)
        if variant.stock > 0:
            raise Denied("in_stock", **variant_view(variant, self._low_stock))
        email, language = await self._whom(call, args.email)
        change = WatchStock(sku=variant.sku, email=email, language=language, at=call.now)
        data = {
            "sku": variant.sku,
            "name": product.name,
            "name_en": product.name_en,
            "variant": variant.name,
            "variant_en": variant.name_en,
            "restock_on": variant.restock_on,
            "email": mask_email(email),
        }
        return Plan(change, data)

    def _variant(self, product: Product, sku: str | None, words: str | None) -> Variant:
        if len(product.variants) == 1:
            return product.variants[0]
        if sku is not None:
            return choose_variant(product, sku=sku, wish=None, line=None, low_stock=self._low_stock)
        found = matching_variants(product, words or "") or list(product.variants)
        gone = [variant for variant in found if variant.stock == 0]
        if len(found) == 1 or not gone:
            return found[0]
        if len(gone) == 1:
            return gone[0]  # nobody waits for what is there
        raise Denied("variant_unclear", options=[variant_view(variant, self._low_stock) for variant in gone])

    async def _product(self, sku: str | None, query: str | None) -> Product:
        """Return the one product that is meant, by number or by words."""
        if sku is not None:
            product = await self.shop.backend.product_of(sku)
            if product is None:
                raise Denied("unknown_product")
            return product
        found = [
            entry for entry in await self.shop.backend.search_products(query or "", None, 5) if entry.score >= MEANT
        ]
        if not found:
            raise Denied("unknown_product")
        if len(found) > 1 and found[0].score - found[1].score < CLEARLY:
            alike = [entry.product for entry in found if found[0].score - entry.score < CLEARLY]
            raise Denied(
                "several_products",
                products=[{"id": p.id, "name": p.name, "name_en": p.name_en, "sku": p.variants[0].sku} for p in alike],
            )
        return found[0].product

    @property
    def _low_stock(self) -> int:
        return self.shop.policies.operations.notify_restock.low_stock

    # Vouchers

    async def check_voucher(self, call: Call, args: CheckVoucher) -> dict[str, Any]:
        voucher = await self.shop.verifier.guarded(
            call.conversation_id,
            call.address,
            f"voucher:{call.conversation_id}",
            call.now,
            lambda: self.shop.backend.voucher(args.code),
        )
        if voucher is None:
            raise Denied("unknown_voucher")
        today = self.shop.calendar.day(call.now)
        _check_voucher(voucher, args, today)
        return {
            "code": voucher.code,
            "kind": voucher.kind,
            "percent": voucher.percent,
            "value": voucher.value,
            "balance": voucher.balance,
            "min_total": voucher.min_total,
            "valid_from": voucher.valid_from,
            "valid_until": voucher.valid_until,
            "excluded_categories": voucher.excluded_categories,
        }

    # Newsletter, privacy, withdrawal

    async def newsletter(self, call: Call, args: Newsletter) -> Plan:
        self.shop.must_be_able("newsletter")
        if args.subscribe:
            self.shop.must_have_mail("newsletter")
        email, language = await self._whom(call, args.email)
        change = SetNewsletter(email=email, subscribe=args.subscribe, language=language, at=call.now)
        state = "confirmation_sent" if args.subscribe else "unsubscribed"
        mail = Mail("newsletter_confirmation", email, language, {"address": email})
        return Plan(change, {"state": state, "email": mask_email(email)}, (mail,) if args.subscribe else ())

    async def privacy_request(self, call: Call, args: PrivacyRequest) -> Plan:
        self.shop.must_be_able("privacy_request")
        customer = await self.shop.customer(call, "privacy_request")
        running = await self.shop.backend.open_request(customer.id, args.kind)
        if running is not None:
            raise Denied("already_requested", number=running[0], answer_by=running[1])
        answer_by = _a_month_after(self.shop.calendar.day(call.now))
        change = FileRequest(
            request=args.kind, customer_id=customer.id, note=args.note, answer_by=answer_by, at=call.now
        )
        data = {"number": None, "kind": args.kind, "answer_by": answer_by, "sent_to": mask_email(customer.email)}
        mail = Mail("privacy_request_received", customer.email, customer.language, {"name": customer.name})
        return Plan(change, data, (mail,))

    async def withdraw_contract(self, call: Call, args: WithdrawContract) -> Plan:
        """Record a withdrawal. Only an address that no receipt can reach is asked for again."""
        email = _valid(args.receipt_to)
        change = RecordWithdrawal(
            name=args.name,
            contract=args.contract,
            receipt_to=email,
            goods=args.lines,
            statement=args.statement,
            language=args.language,
            at=call.now,
        )
        text = declaration(
            shop=self.shop.policies.shop.name,
            name=args.name,
            contract=args.contract,
            goods=args.lines,
            statement=args.statement,
        )
        data = {
            "number": None,
            "received_at": call.now,
            "name": args.name,
            "contract": args.contract,
            "lines": args.lines,
            "receipt_to": email,
            "receipt_sent": self.shop.mailer is not None,
            "text": text,
        }
        return Plan(change, data, (Mail("withdrawal_receipt", email, args.language, {}),))

    async def _whom(self, call: Call, email: str | None) -> tuple[str, str]:
        """The address somebody gave, or the one they proved, with its language."""
        if email is not None:
            return _valid(email), "de"
        grants = await self.shop.verifier.grants(call.conversation_id, call.now)
        if not grants:
            raise Denied("email_needed")
        customer = await self.shop.backend.customer(grants[-1].customer_id)
        if customer is None:
            raise Denied("email_needed")
        return customer.email, customer.language


def _valid(email: str) -> str:
    try:
        return validate_email(normal_email(email), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Denied("email_invalid") from error


def _check_voucher(voucher: Voucher, args: CheckVoucher, today: date) -> None:
    if voucher.valid_from is not None and today < voucher.valid_from:
        raise Denied("not_yet_valid", **{"from": voucher.valid_from})
    if voucher.valid_until is not None and today > voucher.valid_until:
        raise Denied("expired", until=voucher.valid_until)
    if voucher.uses_left == 0 or (voucher.balance is not None and not voucher.balance):
        raise Denied("used_up")
    if (
        voucher.min_total is not None
        and args.order_total is not None
        and args.order_total * 100 < voucher.min_total.cents
    ):
        raise Denied("min_total", min_total=voucher.min_total)


def _a_month_after(day: date) -> date:
    """One month later (GDPR article 12, paragraph 3), or the last day of that month."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
