"""The forms of the operations that agents carry out: what is asked, and the arguments made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency

from bot.console.texts import known, word
from bot.conversation import Language
from bot.errors import InvalidInput

__all__ = ["CHOICES_OF", "FORMS", "Field", "OperationForm", "done_words"]

Values = Mapping[str, list[Any]]
Order = dict[str, Any]
OF_LINES = frozenset({"lines", "whole_lines", "wishes"})


@dataclass(frozen=True)
class Field:
    """One question of a form.

    ``kind``: lines (with the number of pieces of each), whole_lines, wishes (lines with what to have instead),
    choice, text, long, day, address.
    ``options`` are the values of a choice; their words are ``operation.<option>``, unless given in ``words``.
    """

    name: str
    kind: str
    options: tuple[str, ...] = ()
    required: bool = False
    lines: tuple[dict[str, Any], ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OperationForm:
    """An operation as agents see it."""

    name: str
    icon: str
    fields: Callable[[Order], list[Field]]
    args: Callable[[Order, Values], dict[str, Any]]

    def arguments(self, order: Order, values: Values) -> dict[str, Any]:
        """Return what the operation is called with.

        Raises:
            InvalidInput: nothing is ticked. To the operations that means the whole order, to an agent nothing.
        """
        if not values.get("line") and any(f.kind in OF_LINES and f.required for f in self.fields(order)):
            raise InvalidInput("Tick at least one item.", code="no_lines")
        return self.args(order, values)


def _one(values: Values, name: str) -> str | None:
    value = str((values.get(name) or [""])[0]).strip()
    return value or None


def _given(**args: Any) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value not in (None, "", [], {})}


def _lines(values: Values) -> list[tuple[str, int | None]]:
    """Return the ticked lines with the number of pieces asked for."""
    chosen = []
    for line_id in values.get("line", []):
        count = _one(values, f"quantity_{line_id}")
        chosen.append((str(line_id), int(count) if count and count.isdigit() else None))
    return chosen


def _order_lines(order: Order, of: Callable[[dict[str, Any]], int]) -> tuple[dict[str, Any], ...]:
    """Return the lines of which some pieces are left for an operation, each with how many."""
    return tuple({**line, "pieces": of(line)} for line in order["lines"] if of(line) > 0)


def _open(line: dict[str, Any]) -> int:
    return int(line["quantity"] - line["cancelled"] - line["shipped"])


def _returnable(line: dict[str, Any]) -> int:
    return int(line["returnable"]["quantity"]) if line["returnable"]["allowed"] else 0


def _delivered(line: dict[str, Any]) -> int:
    return int(line["delivered"] - line["returned"])


def _shipments(order: Order) -> Field:
    words = {
        s["id"]: f"{s['carrier_name']} {s['tracking_number'] or ''}".strip() for s in order["shipments"]
    }  # of one parcel there is nothing to choose
    return Field("shipment_id", "choice", tuple(words), words=words)


RETURN_REASONS = (
    "too_small", "too_large", "does_not_fit", "not_as_described", "dislike", "damaged", "wrong_item", "too_late",
    "ordered_too_many", "no_longer_needed", "other",
)  # fmt: skip
CANCEL_REASONS = ("no_longer_needed", "ordered_by_mistake", "found_cheaper", "too_late", "wrong_details", "other")
DROP_OFFS = ("service_point", "parcel_locker", "store", "collection")
LABELS = ("qr", "pdf")
PLACES = ("day", "window", "locker", "neighbour", "store", "safe_place")
# Denials that offer choices, and the argument that a choice answers.
CHOICES_OF = {
    "method_needed": "method", "method_unknown": "method", "same_method": "method", "gift_card_too_small": "method",
    "variant_unclear": "sku", "variant_unknown": "sku", "out_of_stock": "sku", "same_variant": "sku",
}  # fmt: skip


def _address(order: Order) -> list[Field]:
    return [Field("address", "address", lines=(order["shipping_address"],))]


def _address_args(order: Order, values: Values) -> dict[str, Any]:
    parts = {name: _one(values, name) for name in ("name", "street", "extra", "postcode", "city", "country")}
    return {"order_number": order["number"], "address": _given(**parts)}


def _return_args(order: Order, values: Values) -> dict[str, Any]:
    reason = _one(values, "reason")
    lines = [_given(line_id=line_id, quantity=count, reason=reason) for line_id, count in _lines(values)]
    return _given(
        order_number=order["number"],
        lines=lines,
        drop_off=_one(values, "drop_off"),
        label=_one(values, "label"),
        pickup_on=_one(values, "pickup_on"),
    )


def _cancel_args(order: Order, values: Values) -> dict[str, Any]:
    chosen = [line_id for line_id, _ in _lines(values)]
    everything = len(chosen) == len(_order_lines(order, _open))
    return _given(order_number=order["number"], line_ids=None if everything else chosen, reason=_one(values, "reason"))


def _claim_args(order: Order, values: Values) -> dict[str, Any]:
    return _given(
        order_number=order["number"],
        kind=_one(values, "kind"),
        lines=[_given(line_id=line_id, quantity=count) for line_id, count in _lines(values)],
        wish=_one(values, "wish"),
        description=_one(values, "description"),
    )


def _exchange_args(order: Order, values: Values) -> dict[str, Any]:
    line_id, count = (_lines(values) or [("", None)])[0]
    return _given(
        order_number=order["number"],
        line_id=line_id,
        quantity=count,
        wish=None if _one(values, "sku") else _one(values, "wish"),
        sku=_one(values, "sku"),
        reason=_one(values, "reason"),
    )


def _redirect_args(order: Order, values: Values) -> dict[str, Any]:
    to = _given(
        kind=_one(values, "where"), day=_one(values, "day"), window=_one(values, "window"), place=_one(values, "place")
    )
    return _given(order_number=order["number"], shipment_id=_one(values, "shipment_id"), to=to)


def _items_args(order: Order, values: Values) -> dict[str, Any]:
    changes = []
    for line_id, count in _lines(values):
        changes.append(
            _given(line_id=line_id, wish=_one(values, f"wish_{line_id}"))
            | ({"quantity": count} if count is not None else {})
        )
    return {"order_number": order["number"], "changes": changes}


def _number_only(order: Order, values: Values) -> dict[str, Any]:
    return {"order_number": order["number"]}


FORMS: dict[str, OperationForm] = {
    form.name: form
    for form in (
        OperationForm(
            "cancel_order",
            "ban",
            lambda order: [
                Field("line", "whole_lines", lines=_order_lines(order, _open), required=True),
                Field("reason", "choice", CANCEL_REASONS),
            ],
            _cancel_args,
        ),
        OperationForm(
            "create_return",
            "undo-2",
            lambda order: [
                Field("line", "lines", lines=_order_lines(order, _returnable), required=True),
                Field("reason", "choice", RETURN_REASONS),
                Field("drop_off", "choice", DROP_OFFS),
                Field("label", "choice", LABELS),
                Field("pickup_on", "day"),
            ],
            _return_args,
        ),
        OperationForm(
            "exchange",
            "arrow-right-left",
            lambda order: [
                Field("line", "lines", lines=_order_lines(order, _returnable), required=True),
                Field("wish", "text", required=True),
                Field("reason", "choice", RETURN_REASONS),
            ],
            _exchange_args,
        ),
        OperationForm(
            "claim_item",
            "triangle-alert",
            lambda order: [
                Field("kind", "choice", ("damaged", "wrong", "missing"), required=True),
                Field("line", "lines", lines=_order_lines(order, _delivered), required=True),
                Field("wish", "choice", ("replacement", "refund"), required=True),
                Field("description", "long"),
            ],
            _claim_args,
        ),
        OperationForm("change_delivery_address", "map-pin", _address, _address_args),
        OperationForm(
            "change_items",
            "pencil",
            lambda order: [Field("line", "wishes", lines=_order_lines(order, _open), required=True)],
            _items_args,
        ),
        OperationForm(
            "change_payment_method",
            "credit-card",
            lambda order: [],  # the shop's answer lists the ways to pay
            lambda order, values: _given(order_number=order["number"], method=_one(values, "method")),
        ),
        OperationForm(
            "reschedule_delivery",
            "truck",
            lambda order: [
                _shipments(order),
                Field("where", "choice", PLACES, required=True),
                Field("day", "day"),
                Field("window", "text"),
                Field("place", "text"),
            ],
            _redirect_args,
        ),
        OperationForm(
            "search_parcel",
            "search",
            lambda order: [_shipments(order)],
            lambda order, values: _given(order_number=order["number"], shipment_id=_one(values, "shipment_id")),
        ),
        OperationForm("report_missing_refund", "euro", lambda order: [], _number_only),
        OperationForm(
            "warranty_claim",
            "wrench",
            lambda order: [
                Field("line", "lines", lines=_order_lines(order, _delivered), required=True),
                Field("description", "long", required=True),
            ],
            lambda order, values: _given(
                order_number=order["number"],
                line_id=(_lines(values) or [("", None)])[0][0],
                description=_one(values, "description"),
            ),
        ),
        OperationForm("resend_label", "mail", lambda order: [Field("label", "choice", LABELS)],
                      lambda order, values: _given(order_number=order["number"], label=_one(values, "label"))),
        OperationForm("resend_invoice", "file-text", lambda order: [], _number_only),
        OperationForm("resend_confirmation", "mail", lambda order: [], _number_only),
    )
}  # fmt: skip


def done_words(name: str, data: Mapping[str, Any], language: Language) -> str:
    """Return a sentence for the customer about what was done, to be taken into the reply and edited."""
    key = f"done.{name}"
    if not known(key, language):
        return ""
    parts = [word(key, language, order=data.get("order_number") or "", number=data.get("number") or "")]
    refund = data.get("refund")
    if refund and refund.get("amount"):
        when = refund.get("expected_on")
        parts.append(
            word(
                "done.refund" if when else "done.refund_no_day",
                language,
                amount=_money(refund["amount"], language),
                to=(refund.get("to") or {}).get("label") or "",
                day=_day(when, language) if when else "",
            )
        )
    label = data.get("label")
    if label and label.get("url"):
        parts.append(word("done.label", language, url=label["url"]))
    for field_name in ("hand_in_by", "answer_by", "expected_on"):
        if data.get(field_name):
            parts.append(word(f"done.{field_name}", language, day=_day(data[field_name], language)))
            break
    if data.get("sent_to"):
        parts.append(word("done.sent_to", language, address=data["sent_to"]))
    return " ".join(parts)


def _money(amount: Mapping[str, str], language: Language) -> str:
    return str(format_currency(amount["amount"], amount["currency"], locale="de" if language == "de" else "en_GB"))


def _day(value: str, language: Language) -> str:
    day = date.fromisoformat(value[:10])
    pattern = "EEEE, d. MMMM" if language == "de" else "EEEE d MMMM"
    return str(format_date(day, pattern, locale="de" if language == "de" else "en_GB"))
