"""Operations on orders: looking at them, changing them, and what goes back or went wrong."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bot.shop.access import ShopAccess
from bot.shop.arguments import (
    CancelOrder,
    ChangeAddressArgs,
    ChangeItemsArgs,
    ChangePaymentArgs,
    ClaimItem,
    CreateReturn,
    Exchange,
    MyOrders,
    OrderOnly,
    ReportMissingRefund,
    Reschedule,
    ResendLabel,
    SearchParcel,
    WarrantyClaim,
)
from bot.shop.mailing import Mail, MailKind
from bot.shop.models import Label, Order, Product, ReturnStatus, mask_email, normal_number
from bot.shop.operations import Call, Operation
from bot.shop.order_state import DEAD_RETURNS, summarise
from bot.shop.rules.cancelling import plan_cancellation
from bot.shop.rules.changing import plan_address, plan_default_address, plan_items, plan_payment
from bot.shop.rules.claims import plan_claim, plan_refund_report, plan_search, plan_warranty
from bot.shop.rules.exchanging import plan_exchange
from bot.shop.rules.ground import Denied, Ground, Plan, check_use
from bot.shop.rules.redirecting import plan_redirect
from bot.shop.rules.returning import can_return, plan_return
from bot.shop.views import order_view, summary_view

__all__ = ["order_operations"]


def order_operations(shop: ShopAccess) -> list[Operation]:
    """Return the operations on orders."""
    desk = _OrderDesk(shop)
    return [
        Operation("my_orders", MyOrders, desk.my_orders),
        Operation("order", OrderOnly, desk.order),
        Operation("cancel_order", CancelOrder, desk.cancel_order, once=True),
        Operation("change_delivery_address", ChangeAddressArgs, desk.change_delivery_address, once=True),
        Operation("change_payment_method", ChangePaymentArgs, desk.change_payment_method, once=True),
        Operation("change_items", ChangeItemsArgs, desk.change_items, once=True),
        Operation("create_return", CreateReturn, desk.create_return, once=True),
        Operation("resend_label", ResendLabel, desk.resend_label, once=True),
        Operation("exchange", Exchange, desk.exchange, once=True),
        Operation("claim_item", ClaimItem, desk.claim_item, once=True),
        Operation("search_parcel", SearchParcel, desk.search_parcel, once=True),
        Operation("reschedule_delivery", Reschedule, desk.reschedule_delivery, once=True),
        Operation("report_missing_refund", ReportMissingRefund, desk.report_missing_refund, once=True),
        Operation("warranty_claim", WarrantyClaim, desk.warranty_claim, once=True),
        Operation("resend_invoice", OrderOnly, desk.resend_invoice, once=True),
        Operation("resend_confirmation", OrderOnly, desk.resend_confirmation, once=True),
    ]


class _OrderDesk:
    """One method per operation: proof first, then the rule."""

    def __init__(self, shop: ShopAccess) -> None:
        self.shop = shop

    async def my_orders(self, call: Call, args: MyOrders) -> dict[str, Any]:
        shop = self.shop
        grants = await shop.verifier.grants(call.conversation_id, call.now)
        if not grants:
            raise Denied("not_verified", need="basic", have="none", order_number=None)
        orders: dict[str, Order] = {}
        for customer_id in dict.fromkeys(grant.customer_id for grant in grants if grant.level == "full"):
            for order in await shop.backend.orders_of(customer_id, args.limit + 1):
                orders[normal_number(order.number)] = order
        for grant in grants:
            if grant.order_key and grant.order_key not in orders:
                proven = await shop.backend.order(grant.order_key)
                if proven is not None and proven.customer_id == grant.customer_id:
                    orders[grant.order_key] = proven
        oldest = datetime.min.replace(tzinfo=call.now.tzinfo)
        newest_first = sorted(orders.values(), key=lambda order: order.placed_at or oldest, reverse=True)
        return {
            "level": await shop.verifier.level(call.conversation_id, call.now),
            "orders": [
                summary_view(summarise(order, shop.calendar, call.now), shop.calendar.zone)
                for order in newest_first[: args.limit]
            ],
            "more": len(newest_first) > args.limit,
        }

    async def order(self, call: Call, args: OrderOnly) -> dict[str, Any]:
        order, ground = await self.shop.proven(call, "order", args.order_number)
        return order_view(order, _name(ground), ground, self.shop.backend.abilities)

    async def cancel_order(self, call: Call, args: CancelOrder) -> Plan:
        order, ground = await self._may(call, "cancel_order", args.order_number)
        return plan_cancellation(order, args, ground)

    async def change_delivery_address(self, call: Call, args: ChangeAddressArgs) -> Plan:
        if args.order_number is None:
            customer = await self.shop.customer(call, "change_delivery_address")
            self.shop.must_be_able("change_delivery_address")
            return plan_default_address(customer, args, self.shop.ground(call, customer))
        order, ground = await self._may(call, "change_delivery_address", args.order_number)
        return plan_address(order, args, ground)

    async def change_payment_method(self, call: Call, args: ChangePaymentArgs) -> Plan:
        order, ground = await self._may(call, "change_payment_method", args.order_number)
        return plan_payment(order, args, ground)

    async def change_items(self, call: Call, args: ChangeItemsArgs) -> Plan:
        order, ground = await self._may(call, "change_items", args.order_number)
        wanted = [wish.sku for wish in args.changes if wish.sku is not None]
        touched = [line.sku for line in order.lines if any(wish.line_id == line.id for wish in args.changes)]
        products = await self._products([*touched, *wanted])
        return plan_items(order, args, products, ground)

    async def create_return(self, call: Call, args: CreateReturn) -> Plan:
        order, ground = await self._may(call, "create_return", args.order_number)
        return _with_mail(plan_return(order, args, ground), "return_label", order, ground)

    async def resend_label(self, call: Call, args: ResendLabel) -> Plan:
        order, ground = await self._may(call, "resend_label", args.order_number)
        self.shop.must_have_mail("resend_label")
        check_use(order, "resend_label", ground.policies.operation("resend_label"))
        alive = [entry for entry in order.returns if entry.status not in DEAD_RETURNS]
        if args.return_number is not None:
            key = normal_number(args.return_number)
            alive = [entry for entry in alive if normal_number(entry.number) == key]
        if not alive:
            raise Denied("no_return", return_possible=_allowed(can_return, order, ground))
        waiting = [entry for entry in alive if entry.status is ReturnStatus.REQUESTED]
        if not waiting:
            raise Denied("return_closed", number=alive[-1].number, status=alive[-1].status)
        if len(waiting) > 1:
            raise Denied(
                "several_returns", returns=[{"number": entry.number, "lines": entry.lines} for entry in waiting]
            )
        entry = waiting[0]
        place = ground.policies.operations.create_return.drop_offs.get(entry.drop_off)  # type: ignore[call-overload]
        kinds = list(place.labels) if place is not None else [entry.label.kind]
        if args.label is not None and args.label not in kinds:
            raise Denied("label_unavailable", options=kinds)
        label = Label(kind=args.label or entry.label.kind, reference=entry.label.reference, url=entry.label.url)
        plan = Plan(
            None,
            {
                "order_number": order.number,
                "number": entry.number,
                "label": label,
                "drop_off": entry.drop_off,
                "hand_in_by": entry.hand_in_by,
                "sent_to": mask_email(order.email),
            },
        )
        return _with_mail(plan, "return_label", order, ground)

    async def exchange(self, call: Call, args: Exchange) -> Plan:
        order, ground = await self._may(call, "exchange", args.order_number)
        line = order.line(args.line_id)
        product = await self.shop.backend.product_of(line.sku) if line is not None else None
        if product is None and line is not None and line.product_id is not None:
            product = await self.shop.backend.product(line.product_id)
        other = await self.shop.backend.product_of(args.sku) if args.sku is not None else None
        return _with_mail(plan_exchange(order, args, product, other, ground), "return_label", order, ground)

    async def claim_item(self, call: Call, args: ClaimItem) -> Plan:
        order, ground = await self._may(call, "claim_item", args.order_number)
        chosen = {given.line_id for given in args.lines}
        products = await self._products(line.sku for line in order.lines if line.id in chosen)
        plan = plan_claim(order, args, products, ground)
        return _with_mail(plan, "return_label", order, ground) if plan.data["send_back"] else plan

    async def search_parcel(self, call: Call, args: SearchParcel) -> Plan:
        order, ground = await self._may(call, "search_parcel", args.order_number)
        return plan_search(order, args, ground)

    async def reschedule_delivery(self, call: Call, args: Reschedule) -> Plan:
        order, ground = await self._may(call, "reschedule_delivery", args.order_number)
        return plan_redirect(order, args, ground)

    async def report_missing_refund(self, call: Call, args: ReportMissingRefund) -> Plan:
        order, ground = await self._may(call, "report_missing_refund", args.order_number)
        return plan_refund_report(order, args, ground)

    async def warranty_claim(self, call: Call, args: WarrantyClaim) -> Plan:
        order, ground = await self._may(call, "warranty_claim", args.order_number)
        return plan_warranty(order, args, ground)

    async def resend_invoice(self, call: Call, args: OrderOnly) -> Plan:
        order, ground = await self._may(call, "resend_invoice", args.order_number)
        self.shop.must_have_mail("resend_invoice")
        if order.invoice_number is None:
            raise Denied("no_invoice_yet", when="dispatch", stage=order.stage)
        data = {
            "order_number": order.number,
            "invoice_number": order.invoice_number,
            "sent_to": mask_email(order.email),
        }
        return self._copy(Plan(None, data), "invoice", order, ground)

    async def resend_confirmation(self, call: Call, args: OrderOnly) -> Plan:
        order, ground = await self._may(call, "resend_confirmation", args.order_number)
        self.shop.must_have_mail("resend_confirmation")
        data = {"order_number": order.number, "placed_at": order.placed_at, "sent_to": mask_email(order.email)}
        return self._copy(Plan(None, data), "order_confirmation", order, ground)

    def _copy(self, plan: Plan, kind: MailKind, order: Order, ground: Ground) -> Plan:
        """A mail that shows the whole order."""
        view = order_view(order, _name(ground), ground, self.shop.backend.abilities)
        mail = Mail(kind, order.email, order.language, {"order": view})
        return Plan(plan.change, plan.data, (mail,))

    async def _may(self, call: Call, name: str, order_number: str) -> tuple[Order, Ground]:
        """Return a proven order for an operation that the shop can do."""
        order, ground = await self.shop.proven(call, name, order_number)
        self.shop.must_be_able(name)
        return order, ground

    async def _products(self, skus: Iterable[str]) -> dict[str, Product]:
        """Return the products of stock numbers, under each number of theirs."""
        found: dict[str, Product] = {}
        for sku in skus:
            if sku not in found:
                product = await self.shop.backend.product_of(sku)
                if product is not None:
                    found |= {variant.sku: product for variant in product.variants}
        return found


def _with_mail(plan: Plan, kind: MailKind, order: Order, ground: Ground) -> Plan:
    mail = Mail(kind, order.email, order.language, {"name": _name(ground)})
    return Plan(plan.change, plan.data, (*plan.mails, mail))


def _name(ground: Ground) -> str:
    return ground.customer.name if ground.customer is not None else ""


def _allowed(check: Any, order: Order, ground: Ground) -> bool:
    try:
        check(order, ground)
    except Denied:
        return False
    return True
