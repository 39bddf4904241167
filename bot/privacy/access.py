"""Writes everything that is kept about a person into one file to hand out: JSON for programs, HTML for people."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.conversation import Language
from bot.storage.personal_data import Person

__all__ = ["AccessFile", "file_name", "write_access_file"]

# Tables in the order in which a person would look for things; others follow.
_FIRST = (
    "shop_customers",
    "shop_customer_addresses",
    "shop_orders",
    "conversations",
    "messages",
    "mails",
    "shop_withdrawals",
)


@dataclass(frozen=True)
class AccessFile:
    """What goes into the file. ``rows`` are by table, ``pictures`` and ``mail_files`` name and content."""

    subject: str
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    pictures: Sequence[tuple[str, bytes]]
    mail_files: Sequence[tuple[str, bytes]]


def file_name(subject: str, now: datetime) -> str:
    """Return the name of a person's file. It tells nobody who it is about, but is found again for erasure."""
    return f"access-{subject_hash(subject)}-{now:%Y%m%d-%H%M%S}.zip"


def subject_hash(subject: str) -> str:
    """Return what stands for a person in the name of a file."""
    return hashlib.sha256(subject.strip().casefold().encode()).hexdigest()[:20]


def write_access_file(access: AccessFile, *, shop: str, language: Language, zone: ZoneInfo, now: datetime) -> bytes:
    """Return the file: a ZIP with ``data.json``, ``data.html`` and the pictures.

    Args:
        access: what goes into it.
        shop: who hands it out.
        language: of the HTML page.
        zone: in which times are shown to people; the JSON has them in UTC.
        now: the present instant.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        head = {"shop": shop, "subject": access.subject, "at": now.isoformat()}
        archive.writestr("data.json", json.dumps(head | dict(access.rows), ensure_ascii=False, indent=2))
        archive.writestr("data.html", _page(access, shop=shop, language=language, zone=zone, now=now))
        for folder, files in (("pictures", access.pictures), ("mail-files", access.mail_files)):
            for number, (name, content) in enumerate(files, 1):
                archive.writestr(f"{folder}/{number:03}-{Path(name).name}", content)
    return out.getvalue()


def _page(access: AccessFile, *, shop: str, language: Language, zone: ZoneInfo, now: datetime) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    locale = "de_DE" if language == "de" else "en_GB"

    def shown(value: Any) -> str:
        if isinstance(value, str) and len(value) >= 19 and value[4:5] == "-" and value[10:11] == "T":
            try:
                return str(format_datetime(datetime.fromisoformat(value), "medium", tzinfo=zone, locale=locale))
            except ValueError:
                return value
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, indent=1)
        return str(value)

    environment.filters["shown"] = shown
    names = _NAMES[language]
    order = {name: position for position, name in enumerate(_FIRST)}
    tables = sorted(access.rows, key=lambda name: (order.get(name, len(order)), name))
    return environment.get_template("access.html").render(
        language=language,
        shop=shop,
        subject=access.subject,
        at=format_datetime(now, "long", tzinfo=zone, locale=locale),
        tables=[(names.get(name, name), name, access.rows[name]) for name in tables],
        pictures=len(access.pictures),
        t=_TEXTS[language],
    )


def about(person: Person, fallback: str) -> str:
    """Return by what a person is named in the file."""
    return person.emails[0] if person.emails else fallback


_TEXTS: dict[Language, dict[str, str]] = {
    "de": {
        "title": "Ihre Daten bei {shop}",
        "intro": "Auskunft nach Artikel 15 DSGVO über {subject}, Stand {at}. Für Programme: data.json.",
        "pictures": "Bilder: {count}, im Ordner „pictures“.",
        "entries": "{count} Einträge",
        "nothing": "Zu dieser Person ist nichts gespeichert.",
    },
    "en": {
        "title": "Your data at {shop}",
        "intro": "Access under article 15 GDPR for {subject}, as of {at}. For programs: data.json.",
        "pictures": "Pictures: {count}, in the folder “pictures”.",
        "entries": "{count} entries",
        "nothing": "Nothing is kept about this person.",
    },
}
_NAMES: dict[Language, dict[str, str]] = {
    "de": {
        "shop_customers": "Kundendaten",
        "shop_customer_addresses": "Anschriften",
        "shop_orders": "Bestellungen",
        "shop_order_lines": "Bestellte Artikel",
        "shop_payments": "Zahlungen",
        "shop_payment_options": "Hinterlegte Zahlungsarten",
        "shop_shipments": "Sendungen",
        "shop_returns": "Rücksendungen",
        "shop_refunds": "Erstattungen",
        "shop_claims": "Reklamationen",
        "shop_events": "Meldungen an das Shopsystem",
        "shop_withdrawals": "Widerrufe",
        "shop_newsletter": "Newsletter",
        "shop_stock_watches": "Benachrichtigungen über Nachschub",
        "shop_privacy_requests": "Anfragen zum Datenschutz",
        "shop_operations": "Aufträge im Chat",
        "shop_grants": "Nachweise, wer Sie sind",
        "conversations": "Gespräche",
        "messages": "Nachrichten",
        "turns": "Was verstanden wurde",
        "mails": "E-Mails",
        "promises": "Zusagen",
        "surveys": "Umfragen",
        "survey_answers": "Antworten auf Umfragen",
        "handoffs": "Übergaben an das Team",
        "helpdesk_cases": "Weitergaben an die Kundenbetreuung",
        "signals": "Messwerte zum Gespräch",
        "attachments": "Bilder",
        "audit": "Wer Ihre Daten gesehen oder geändert hat",
    },
    "en": {
        "shop_customers": "Customer data",
        "shop_customer_addresses": "Addresses",
        "shop_orders": "Orders",
        "shop_order_lines": "Ordered items",
        "shop_payments": "Payments",
        "shop_payment_options": "Saved ways to pay",
        "shop_shipments": "Shipments",
        "shop_returns": "Returns",
        "shop_refunds": "Refunds",
        "shop_claims": "Claims",
        "shop_events": "Messages to the shop system",
        "shop_withdrawals": "Withdrawals",
        "shop_newsletter": "Newsletter",
        "shop_stock_watches": "Back-in-stock notices",
        "shop_privacy_requests": "Data protection requests",
        "shop_operations": "Requests carried out in the chat",
        "shop_grants": "Proofs of who you are",
        "conversations": "Conversations",
        "messages": "Messages",
        "turns": "What was understood",
        "mails": "Mails",
        "promises": "Promises",
        "surveys": "Surveys",
        "survey_answers": "Survey answers",
        "handoffs": "Transfers to the team",
        "helpdesk_cases": "Requests passed on to customer service",
        "signals": "Measurements of the conversation",
        "attachments": "Pictures",
        "audit": "Who saw or changed your data",
    },
}
