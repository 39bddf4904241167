"""A WooCommerce shop of a few lines, with the paths, fields, codes and headers of its REST API v3, and faults.

Modelled on the documentation (woocommerce-rest-api-docs, wp-api-v3) and on what WooCommerce's controllers do: a
line with quantity 0 leaves the order, meta data of the same key is overwritten, a full refund makes the order
``refunded``, a gateway without refunds answers 500 with ``woocommerce_rest_cannot_create_order_refund``.
"""

import asyncio
import base64
import copy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["KEY", "SECRET", "Fault", "WooDouble"]

KEY, SECRET = "ck_test", "cs_test"
ROOT = "/wp-json/wc/v3"


@dataclass
class Fault:
    """What happens to a call.

    Attributes:
        status: answered instead; None: the right answer.
        body: of that answer.
        headers: of that answer.
        after: whether the call is carried out before it fails.
        waits_s: how long it takes.
        on: only calls of this method and path.
    """

    status: int | None = 500
    body: bytes = b'{"code":"internal_server_error","message":"There has been a critical error.","data":{"status":500}}'
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    waits_s: float = 0
    on: str = ""


class WooDouble:
    """The shop. ``calls`` are what was asked, ``faults`` what happens to the next calls, one each."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.refunds: dict[int, list[dict[str, Any]]] = {}
        self.notes: dict[int, list[dict[str, Any]]] = {}
        self.customers: dict[int, dict[str, Any]] = {}
        self.products: dict[int, dict[str, Any]] = {}
        self.variations: dict[int, list[dict[str, Any]]] = {}
        self.coupons: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self.gateway_refunds = True
        self._next = 900_000
        self.app = Starlette(routes=[Route(ROOT + "/{path:path}", self._serve, methods=["GET", "POST", "PUT"])])

    async def _serve(self, request: Request) -> Response:
        path, method = request.path_params["path"], request.method
        self.calls.append(f"{method} {path}")
        fault = next((entry for entry in self.faults if entry.on in ("", f"{method} {path}")), None)
        if fault is not None:
            self.faults.remove(fault)
            await asyncio.sleep(fault.waits_s)
            if fault.status is not None and not fault.after:
                return Response(fault.body, fault.status, fault.headers)
        expected = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return _error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        body = await request.json() if method != "GET" else {}
        answer = self._answer(method, path.split("/"), dict(request.query_params), body)
        if fault is not None and fault.status is not None:
            return Response(fault.body, fault.status, fault.headers)
        return answer

    def _answer(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Response:
        match method, *path:
            case "GET", "orders":
                found = [order for order in self.orders.values() if self._fits(order, query)]
                found.sort(
                    key=lambda order: (order["date_created_gmt"], order["id"]), reverse=query.get("order") != "asc"
                )
                return _page(found, query)
            case "GET", "orders", number:
                order = self._order(number)
                return JSONResponse(order) if order else _invalid("woocommerce_rest_shop_order_invalid_id")
            case "PUT", "orders", number:
                order = self._order(number)
                return (
                    JSONResponse(self._change(order, body))
                    if order
                    else _invalid("woocommerce_rest_shop_order_invalid_id")
                )
            case "GET", "orders", number, "refunds":
                return _page(self.refunds.get(int(number), []), query)
            case "POST", "orders", number, "refunds":
                return self._refund(self.orders[int(number)], body)
            case "GET", "orders", number, "notes":
                return JSONResponse(self.notes.get(int(number), []))
            case "POST", "orders", number, "notes":
                note = {
                    "id": self._id(),
                    "author": "system",
                    "note": body["note"],
                    "customer_note": body["customer_note"],
                }
                self.notes.setdefault(int(number), []).insert(0, note)
                return JSONResponse(note, 201)
            case "GET", "customers":
                return _page(
                    [c for c in self.customers.values() if c["email"].lower() == query["email"].lower()], query
                )
            case "GET" | "PUT", "customers", number:
                customer = self.customers.get(int(number))
                if customer is None:
                    return _invalid("woocommerce_rest_invalid_id")
                for part in ("billing", "shipping"):
                    customer[part] |= body.get(part, {})
                return JSONResponse(customer)
            case "GET", "products":
                return self._products(query)
            case "GET", "products", number:
                product = self.products.get(int(number))
                return JSONResponse(product) if product else _invalid("woocommerce_rest_product_invalid_id")
            case "GET", "products", number, "variations":
                return _page(self.variations.get(int(number), []), query)
            case "GET", "coupons":
                return _page([c for c in self.coupons if c["code"] == query["code"]], query)
        return _error(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _order(self, number: str) -> dict[str, Any] | None:
        return self.orders.get(int(number)) if number.isdecimal() else None

    def _products(self, query: dict[str, str]) -> Response:
        found = list(self.products.values())
        if "sku" in query:
            variants = [{**v, "parent_id": parent, "type": "variation", "name": v.get("name", "")}
                        for parent, entries in self.variations.items() for v in entries]  # fmt: skip
            found = [entry for entry in (*found, *variants) if entry["sku"] == query["sku"]]
        return _page(found, query)

    @staticmethod
    def _fits(order: dict[str, Any], query: dict[str, str]) -> bool:
        if "customer" in query and order["customer_id"] != int(query["customer"]):
            return False
        if "modified_after" in query and order["date_modified_gmt"] <= query["modified_after"]:
            return False
        if "search" in query:
            words = [order["number"], *map(str, order["billing"].values()), *map(str, order["shipping"].values())]
            return any(query["search"].lower() in word.lower() for word in words)
        return order["status"] != "trash"

    def _change(self, order: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        for part in ("billing", "shipping"):
            order[part] |= body.get(part, {})
        for line in body.get("line_items", ()):
            kept = next(entry for entry in order["line_items"] if entry["id"] == line["id"])
            if line.get("quantity") == 0 and isinstance(line["quantity"], int):
                order["line_items"].remove(kept)
            else:
                kept |= line
        if "line_items" in body:
            goods = sum(Decimal(line["total"]) + Decimal(line["total_tax"]) for line in order["line_items"])
            order["total"] = f"{goods + Decimal(order['shipping_total']) + Decimal(order['shipping_tax']):.2f}"
        _put_meta(order["meta_data"], body.get("meta_data", ()), self._id)
        order["status"] = body.get("status", order["status"])
        order["date_modified_gmt"] = "2026-11-11T09:30:00"
        return order

    def _refund(self, order: dict[str, Any], body: dict[str, Any]) -> Response:
        amount = Decimal(body["amount"])
        before = sum((Decimal(refund["amount"]) for refund in self.refunds.get(order["id"], ())), Decimal(0))
        if amount <= 0 or before + amount > Decimal(order["total"]):
            return _error(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
        if body.get("api_refund", True) and not self.gateway_refunds:
            message = "The payment gateway for this order does not support automatic refunds."
            return _error(500, "woocommerce_rest_cannot_create_order_refund", message)
        lines = [
            {
                "id": self._id(),
                "name": "",
                "quantity": -line["quantity"],
                "total": f"-{line['refund_total']}",
                "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(line["id"])}],
            }
            for line in body.get("line_items", ())
        ]
        refund = {
            "id": self._id(),
            "date_created_gmt": "2026-11-11T09:30:00",
            "amount": f"{amount:.2f}",
            "reason": body.get("reason", ""),
            "refunded_payment": bool(body.get("api_refund", True)),
            "line_items": lines,
            "meta_data": [],
        }
        _put_meta(refund["meta_data"], body.get("meta_data", ()), self._id)
        self.refunds.setdefault(order["id"], []).insert(0, refund)
        order["refunds"].append({"id": refund["id"], "reason": refund["reason"], "total": f"-{amount:.2f}"})
        if before + amount == Decimal(order["total"]):
            order["status"] = "refunded"
        return JSONResponse(refund, 201)

    def _id(self) -> int:
        self._next += 1
        return self._next

    # -- filling it

    def add_order(self, order_id: int, **values: Any) -> dict[str, Any]:
        """Add an order; what is not given is as WooCommerce would answer it."""
        order = copy.deepcopy(ORDER) | {"id": order_id, "number": str(order_id)} | values
        self.orders[order["id"]] = order
        return order


def _page(found: list[dict[str, Any]], query: dict[str, str]) -> Response:
    size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
    if not 1 <= size <= 100:
        return _error(400, "rest_invalid_param", "Invalid parameter(s): per_page")
    pages = -(-len(found) // size)
    headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
    return JSONResponse(found[(page - 1) * size : page * size], headers=headers)


def _put_meta(kept: list[dict[str, Any]], given: Any, new_id: Any) -> None:
    for entry in given:
        same = next((meta for meta in kept if meta["key"] == entry["key"]), None)
        if same is not None:
            same["value"] = entry["value"]
        else:
            kept.append({"id": new_id(), **entry})


def _invalid(code: str) -> Response:
    return _error(404, code, "Invalid ID.")


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message, "data": {"status": status}}, status)


def line(number: int, sku: str, name: str, quantity: int, price: str, **values: Any) -> dict[str, Any]:
    """A line of an order as WooCommerce answers it; ``price`` is of one piece, net equals gross minus 19 %."""
    gross = Decimal(price) * quantity
    net = (gross / Decimal("1.19")).quantize(Decimal("0.01"))
    return {
        "id": number,
        "name": name,
        "product_id": 93,
        "variation_id": 0,
        "quantity": quantity,
        "tax_class": "",
        "subtotal": f"{net}",
        "subtotal_tax": f"{gross - net}",
        "total": f"{net}",
        "total_tax": f"{gross - net}",
        "taxes": [{"id": 1, "total": f"{gross - net}", "subtotal": f"{gross - net}"}],
        "meta_data": [],
        "sku": sku,
        "price": float(net / quantity),
        **values,
    }


_ADDRESS = {
    "first_name": "Jana",
    "last_name": "Müller",
    "company": "",
    "address_1": "Lindenstraße 4",
    "address_2": "",
    "city": "Hamburg",
    "state": "DE-HH",
    "postcode": "20257",
    "country": "DE",
}
ORDER: dict[str, Any] = {
    "id": 727,
    "parent_id": 0,
    "number": "727",
    "order_key": "wc_order_58d2d042d1d",
    "created_via": "checkout",
    "version": "9.4.0",
    "status": "processing",
    "currency": "EUR",
    "date_created": "2026-11-09T17:28:02",
    "date_created_gmt": "2026-11-09T16:28:02",
    "date_modified": "2026-11-09T17:28:08",
    "date_modified_gmt": "2026-11-09T16:28:08",
    "discount_total": "0.00",
    "discount_tax": "0.00",
    "shipping_total": "4.12",
    "shipping_tax": "0.78",
    "total": "191.90",
    "prices_include_tax": True,
    "customer_id": 26,
    "customer_note": "",
    "billing": {**_ADDRESS, "email": "Jana@Example.org", "phone": "040 123"},
    "shipping": dict(_ADDRESS),
    "payment_method": "ppcp-gateway",
    "payment_method_title": "PayPal",
    "transaction_id": "8XK",
    "date_paid": "2026-11-09T17:28:08",
    "date_paid_gmt": "2026-11-09T16:28:08",
    "date_completed": None,
    "date_completed_gmt": None,
    "cart_hash": "",
    "meta_data": [],
    "line_items": [
        line(315, "RJ-M", "Regenjacke Sylt", 1, "149.00"),
        line(316, "WS-3", "Wollsocken", 2, "19.00"),
    ],
    "tax_lines": [],
    "shipping_lines": [{"id": 317, "method_title": "DHL Paket", "method_id": "flat_rate", "total": "4.12"}],
    "fee_lines": [],
    "coupon_lines": [],
    "refunds": [],
}
CUSTOMER: dict[str, Any] = {
    "id": 26,
    "email": "jana@example.org",
    "first_name": "Jana",
    "last_name": "Müller",
    "role": "customer",
    "billing": {**_ADDRESS, "email": "jana@example.org", "phone": "040 123"},
    "shipping": dict(_ADDRESS),
    "meta_data": [],
}
PRODUCT: dict[str, Any] = {
    "id": 93,
    "name": "Regenjacke Sylt",
    "type": "variable",
    "status": "publish",
    "permalink": "https://shop.example/produkt/regenjacke-sylt/",
    "description": "<p>Wasserdicht &amp; winddicht.</p>",
    "short_description": "<p>Wasserdichte Jacke</p>\n",
    "sku": "",
    "price": "149",
    "manage_stock": False,
    "stock_quantity": None,
    "stock_status": "instock",
    "categories": [{"id": 9, "name": "Jacken", "slug": "jacken"}],
    "attributes": [
        {"id": 6, "name": "Größe", "position": 0, "visible": True, "variation": True, "options": ["M", "L"]},
        {"id": 7, "name": "Material", "position": 1, "visible": True, "variation": False, "options": ["Polyester"]},
    ],
    "variations": [94, 95],
    "parent_id": 0,
    "meta_data": [],
}
VARIATIONS: list[dict[str, Any]] = [
    {
        "id": 94,
        "sku": "RJ-M",
        "price": "149.00",
        "manage_stock": True,
        "stock_quantity": 7,
        "stock_status": "instock",
        "attributes": [{"id": 6, "name": "Größe", "option": "M"}],
    },
    {
        "id": 95,
        "sku": "RJ-L",
        "price": "149.00",
        "manage_stock": True,
        "stock_quantity": 0,
        "stock_status": "outofstock",
        "attributes": [{"id": 6, "name": "Größe", "option": "L"}],
    },
]
