"""Changing an order before it is packed: address, payment, items."""

import re
from collections.abc import Mapping

from bot.shop.arguments import ChangeAddressArgs, ChangeItemsArgs, ChangePaymentArgs, ItemWish
from bot.shop.changes import ChangeAddress, ChangeItems, ChangePayment
from bot.shop.models import (
    Address,
    Customer,
    Line,
    Order,
    PaymentOption,
    PaymentStatus,
    Product,
    RefundOrigin,
    Stage,
    Variant,
    normal_postcode,
)
from bot.shop.money import Money
from bot.shop.order_state import delivered_at, expected_on, status_of
from bot.shop.policies import ChangePolicy
from bot.shop.rules.ground import (
    Denied,
    Ground,
    Plan,
    check_stage,
    check_use,
    find_line,
    money_back,
    option_view,
    payment_options,
    refund_view,
    settle,
)
from bot.shop.rules.variants import choose_variant, stocked_options
from bot.shop.search_words import fold

__all__ = [
    "can_change_address",
    "can_change_items",
    "can_change_payment",
    "plan_address",
    "plan_default_address",
    "plan_items",
    "plan_payment",
]


def can_change_address(order: Order, ground: Ground) -> None:
    """Deny sending this order elsewhere."""
    _can_change(order, "change_delivery_address", ground.policies.operations.change_delivery_address, ground)


def can_change_payment(order: Order, ground: Ground) -> None:
    """Deny paying this order another way."""
    _can_change(order, "change_payment_method", ground.policies.operations.change_payment_method, ground)


def can_change_items(order: Order, ground: Ground) -> None:
    """Deny changing what is ordered."""
    _can_change(order, "change_items", ground.policies.operations.change_items, ground)


def _can_change(order: Order, name: str, policy: ChangePolicy, ground: Ground) -> None:
    if order.stage not in policy.stages:
        match order.stage:
            case Stage.CANCELLED:
                raise Denied("already_cancelled")
            case Stage.DELIVERED | Stage.RETURNED:
                raise Denied("already_delivered", delivered_at=delivered_at(order))
            case Stage.SHIPPED | Stage.PARTLY_SHIPPED:
                raise Denied("already_dispatched", expected_on=expected_on(order), reschedule_possible=True)
            case _:
                check_stage(order, policy.stages, status_of(order, ground.calendar, ground.now))
    if order.shipments:
        raise Denied("already_packed", expected_on=expected_on(order))
    check_use(order, name, policy)


# Address


def plan_address(order: Order, args: ChangeAddressArgs, ground: Ground) -> Plan:
    """Plan to send an order elsewhere: what changes, what it costs, when it comes."""
    can_change_address(order, ground)
    address = _address(args, order.shipping_address, ground)
    same = order.shipping_address is not None and _alike(address, order.shipping_address)
    if same and not args.make_default:
        raise Denied("unchanged")
    countries = ground.policies.delivery.countries
    option = ground.policies.delivery.options.get(order.delivery_option or "")
    if option is not None and option.countries is not None and address.country not in option.countries:
        raise Denied("country_not_served", countries=list(option.countries))
    before = order.shipping_address.country if order.shipping_address else address.country
    extra = countries[address.country].extra_cost
    if before in countries:
        extra -= countries[before].extra_cost
    extra = Money(cents=extra.cents, currency=order.currency)
    due = expected_on(order)
    later = countries[address.country].extra_days - (countries[before].extra_days if before in countries else 0)
    if due is not None and later > 0:
        due = ground.calendar.delivered_after(due, later)
    refund_days = ground.policies.operations.change_items.refund_days
    settlement = settle(order, extra, None, ground.calendar.after(ground.today, refund_days), ground)
    change = ChangeAddress(
        order_number=order.number,
        version=order.version,
        operation="change_delivery_address",
        at=ground.now,
        customer_id=order.customer_id,
        address=address,
        make_default=args.make_default,
        shipping_cost=order.shipping_cost + extra if extra else None,
        expected_on=due,
        difference=extra,
        charge=settlement.charge,
        refund=settlement.refund,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "address": address,
            "previous": order.shipping_address,
            "extra_cost": extra,
            "settlement": settlement.view(),
            "expected_on": due,
            "default_changed": args.make_default,
        },
    )


def plan_default_address(customer: Customer, args: ChangeAddressArgs, ground: Ground) -> Plan:
    """Plan to keep another default address with a customer."""
    previous = customer.addresses[0] if customer.addresses else None
    base = previous or Address(name=customer.name, street="-", postcode="-", city="-")
    address = _address(args, base, ground)
    if previous is not None and _alike(address, previous):
        raise Denied("unchanged")
    change = ChangeAddress(
        operation="change_delivery_address",
        at=ground.now,
        customer_id=customer.id,
        address=address,
        make_default=True,
    )
    return Plan(
        change,
        {
            "order_number": None,
            "address": address,
            "previous": previous,
            "extra_cost": Money(cents=0, currency=ground.policies.currency),
            "settlement": None,
            "expected_on": None,
            "default_changed": True,
        },
    )


def _address(args: ChangeAddressArgs, before: Address | None, ground: Ground) -> Address:
    """Complete and check an address. Name and country are those of before where the customer names none."""
    given = args.address
    missing = [part for part in ("street", "postcode", "city") if getattr(given, part) is None]
    name = given.name or (before.name if before else ground.customer.name if ground.customer else None)
    if name is None:
        missing.insert(0, "name")
    country = given.country or (before.country if before else "DE")
    if given.street is not None and not any(char.isdigit() for char in given.street):
        missing.append("house_number")
    if missing:
        raise Denied("address_incomplete", missing=missing)
    countries = ground.policies.delivery.countries
    if country not in countries:
        raise Denied("country_not_served", countries=list(countries))
    postcode = " ".join((given.postcode or "").upper().split())
    postcode = re.sub(r"^[A-Z]{1,2}-", "", postcode)
    if not re.fullmatch(countries[country].postcode, postcode):
        raise Denied("postcode_invalid", country=country)
    return Address(
        name=name or "",
        street=given.street or "",
        extra=given.extra,
        postcode=postcode,
        city=given.city or "",
        country=country,
    )


def _alike(one: Address, other: Address) -> bool:
    def key(address: Address) -> tuple[str, ...]:
        street = fold(address.street).replace(" ", "").replace("strasse", "str").replace("str.", "str")
        return (
            fold(address.name),
            street,
            fold(address.extra or ""),
            normal_postcode(address.postcode),
            fold(address.city),
            address.country,
        )

    return key(one) == key(other)


# Payment


def plan_payment(order: Order, args: ChangePaymentArgs, ground: Ground) -> Plan:
    """Plan to pay an order another way: the whole amount, with the old payment given back if it was made."""
    can_change_payment(order, ground)
    policy = ground.policies.operations.change_payment_method
    current = order.payment
    amount = order.total
    options = payment_options(order, amount, ground)
    now_id = (current.option_id or str(current.kind)) if current is not None else None
    others = [option_view(option, amount) for option in options if option.id != now_id]
    if args.method is None:
        raise Denied("method_needed", options=others)
    chosen = next((option for option in options if option.id == args.method), None)
    if chosen is None:
        raise Denied("same_method" if args.method == now_id else "method_unknown", options=others)
    failed = current is not None and current.status is PaymentStatus.FAILED
    if chosen.id == now_id and not failed:
        raise Denied("same_method", options=others)
    if chosen.balance is not None and chosen.balance.cents < amount.cents:
        raise Denied("gift_card_too_small", balance=chosen.balance, amount=amount, options=others)
    kept = ground.customer is not None and chosen in ground.customer.payment_options
    method = ground.policies.payment.get(chosen.kind)
    pay_by = url = None
    status = PaymentStatus.PAID
    if not kept and method is not None:
        status = PaymentStatus.OPEN
        if method.settles == "by_customer":
            pay_by = ground.calendar.after(ground.today, 0) + method.pay_time
            template = ground.policies.shop.payment_url
            url = template.format(number=order.number) if template else None
    refund = None
    if current is not None:
        way = PaymentOption(id=current.option_id or current.kind, kind=current.kind, label=current.label)
        days = 0 if current.kind == "gift_card" else policy.refund_days
        back = ground.calendar.after(ground.today, days) if days else ground.today
        refund = money_back(order, amount, way, RefundOrigin.PAYMENT_CHANGE, back, at_once=True)
    change = ChangePayment(
        order_number=order.number,
        version=order.version,
        operation="change_payment_method",
        at=ground.now,
        to=chosen,
        amount=amount,
        status=status,
        pay_by=pay_by,
        refund=refund,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "from": {"id": now_id, "kind": current.kind, "label": current.label} if current else None,
            "to": {"id": chosen.id, "kind": chosen.kind, "label": chosen.label},
            "amount": amount,
            "refund": refund_view(refund, policy.refund_days),
            "pay_by": pay_by,
            "payment_url": url,
        },
    )


# Items


def plan_items(order: Order, args: ChangeItemsArgs, products: Mapping[str, Product], ground: Ground) -> Plan:
    """Plan changed lines: other variants, other quantities, lines gone or added, and the price difference.

    Args:
        order: to change.
        args: what the customer wants.
        products: by stock number, for every line and every number in ``args``.
        ground: policies and clock.
    """
    can_change_items(order, ground)
    policy = ground.policies.operations.change_items
    lines = {line.id: line for line in order.lines}
    stock: dict[str, int] = {}
    views = []
    for wish in args.changes:
        old, new, variant = _item(order, wish, products, ground)
        if old is not None and old == new:
            continue
        before = old.kept if old is not None else 0
        if old is not None and old.sku != new.sku:
            stock[old.sku] = stock.get(old.sku, 0) + before
            stock[new.sku] = stock.get(new.sku, 0) - new.kept
        else:
            stock[new.sku] = stock.get(new.sku, 0) + before - new.kept
        taken = -stock[new.sku]
        if variant is not None and taken > variant.stock:
            product = products[new.sku]
            low = ground.policies.operations.notify_restock.low_stock
            raise Denied(
                "out_of_stock",
                sku=variant.sku,
                stock=variant.stock,
                restock_on=variant.restock_on,
                options=stocked_options(product, new.kept, low, but=variant.sku),
            )
        lines[new.id] = new
        views.append(_item_view(old, new))
    if not views:
        raise Denied("unchanged")
    after = order.model_copy(update={"lines": tuple(lines.values())})
    if all(line.kept == 0 for line in after.lines):
        raise Denied("would_be_empty")
    difference = after.total - order.total
    settlement = settle(
        order, difference, args.settle_with, ground.calendar.after(ground.today, policy.refund_days), ground
    )
    change = ChangeItems(
        order_number=order.number,
        version=order.version,
        operation="change_items",
        at=ground.now,
        lines=tuple(line for line in after.lines if order.line(line.id) != line),
        stock=tuple((sku, count) for sku, count in stock.items() if count),
        difference=difference,
        charge=settlement.charge,
        refund=settlement.refund,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "changes": views,
            "difference": difference,
            "new_total": after.total,
            "settlement": settlement.view(),
            "expected_on": expected_on(order),
        },
    )


def _item(
    order: Order, wish: ItemWish, products: Mapping[str, Product], ground: Ground
) -> tuple[Line | None, Line, Variant | None]:
    """Return a line as it is, as it will be, and the variant it will be of."""
    policy = ground.policies.operations.change_items
    low = ground.policies.operations.notify_restock.low_stock
    if wish.line_id is None:
        if not policy.adding:
            raise Denied("adding_not_allowed")
        product = products.get(wish.sku or "")
        if product is None:
            raise Denied("variant_unknown", options=[])
        added = choose_variant(product, sku=wish.sku, wish=None, line=None, low_stock=low)
        taken = {line.id for line in order.lines}
        key = next(str(number) for number in range(1, 1000) if str(number) not in taken)
        return None, _as(_blank(key, product, added), product, added, wish.quantity or 1), added
    old = find_line(order, wish.line_id)
    if old.kept == 0:
        raise Denied("already_cancelled")
    product = products.get(old.sku)
    variant: Variant | None = None
    if wish.sku is not None or wish.wish is not None:
        if product is None:
            raise Denied("variant_unknown", options=[])
        if wish.sku is not None and all(other.sku != wish.sku for other in product.variants):
            other_product = products.get(wish.sku)
            if other_product is None:
                raise Denied("variant_unknown", options=[])
            if policy.same_product:
                raise Denied("other_product")
            product = other_product
        variant = choose_variant(product, sku=wish.sku, wish=wish.wish, line=old, low_stock=low)
    elif product is not None:
        variant = next((entry for entry in product.variants if entry.sku == old.sku), None)
    quantity = old.kept if wish.quantity is None else wish.quantity
    if quantity != old.kept and not (policy.quantity if quantity else policy.removing):
        raise Denied("quantity_fixed")
    if variant is not None and product is not None and variant.sku != old.sku:
        return old, _as(old, product, variant, quantity), variant
    return old, _resized(old, quantity), variant


def _blank(key: str, product: Product, variant: Variant) -> Line:
    return Line(id=key, sku=variant.sku, name=product.name, quantity=1, price=variant.price)


def _as(line: Line, product: Product, variant: Variant, quantity: int) -> Line:
    """The line with another variant in it."""
    changed = line.model_copy(
        update={
            "sku": variant.sku,
            "product_id": product.id,
            "name": product.name,
            "name_en": product.name_en,
            "variant": variant.name,
            "variant_en": variant.name_en,
            "category": product.category,
            "price": variant.price,
        }
    )
    return _resized(changed, quantity)


def _resized(line: Line, quantity: int) -> Line:
    """The line with so many pieces; fewer than before are cancelled ones, so that the history stays."""
    if quantity >= line.kept:
        return line.model_copy(update={"quantity": line.quantity + quantity - line.kept})
    return line.model_copy(update={"cancelled": line.quantity - quantity})


def _item_view(old: Line | None, new: Line) -> dict[str, object]:
    if old is None:
        kind = "added"
    elif new.kept == 0:
        kind = "removed"
    else:
        kind = "variant" if old.sku != new.sku else "quantity"
    zero = Money(cents=0, currency=new.price.currency)
    return {
        "line_id": new.id,
        "kind": kind,
        "from": _side(old) if old else None,
        "to": _side(new) if new.kept else None,
        "difference": new.price * new.kept - (old.price * old.kept if old else zero),
    }


def _side(line: Line) -> dict[str, object]:
    return {
        "sku": line.sku,
        "name": line.name,
        "name_en": line.name_en,
        "variant": line.variant,
        "variant_en": line.variant_en,
        "quantity": line.kept,
        "price": line.price,
    }
