"""Cards as the actions make them (actions/status.py, actions/returns.py)."""

from typing import Any

ORDER: dict[str, Any] = {
    "type": "order",
    "number": "LM-105234",
    "status": "shipped",
    "status_text": "unterwegs",
    "placed_on": "19. November",
    "total": "187,00 €",
    "expected_text": "Montag, 23. November",
    "carrier": "DHL",
    "tracking_number": "00340434161094",
    "tracking_url": "https://www.dhl.de/sendung?id=00340434161094",
    "lines": [
        {"sku": "RJ-SYLT-MA-M", "name": "Regenjacke Sylt", "variant": "Marine, M", "quantity": 1, "price": "149,00 €"},
        {"sku": "HS-WOLL-RO", "name": "Wollsocken Priel", "variant": "Klinkerrot", "quantity": 2, "price": "19,00 €"},
    ],
}
RETURN: dict[str, Any] = {
    "type": "return",
    "number": "R-2031",
    "order_number": "LM-104582",
    "lines": [{"name": "Troyer Hooge", "variant": "Marine, L", "quantity": 1}],
    "label": {"kind": "qr", "reference": "L-7719204", "url": None},
    "drop_off": "service_point",
    "hand_in_by": "2030-12-04",
    "hand_in_text": "Freitag, 4. Dezember",
    "refund": "119,00 €",
}
ORDERS: dict[str, Any] = {
    "type": "orders",
    "orders": [
        {
            "number": "LM-105234",
            "status": "shipped",
            "status_text": "unterwegs",
            "placed_on": "19. November",
            "summary": "Regenjacke Sylt und 2 × Wollsocken Priel",
            "total": "187,00 €",
        },
        {
            "number": "LM-104582",
            "status": "delayed",
            "status_text": "verspätet",
            "placed_on": "11. November",
            "summary": "Troyer Hooge",
            "total": "119,00 €",
        },
    ],
}
