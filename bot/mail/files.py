"""Files that go with mails: return labels, as the picture to show or the page to print."""

import io
from collections.abc import Mapping
from typing import Any, Protocol

import segno

from bot.conversation import Language
from bot.storage.mails import MailFile

__all__ = ["LabelPrinter", "files_for"]


class LabelPrinter(Protocol):
    """Draws a return label as a PDF page."""

    def __call__(
        self, *, shop: str, number: str, order_number: str, reference: str, hand_in_by: str, language: Language
    ) -> bytes:
        """Return the page."""
        ...


def files_for(
    template: str, values: Mapping[str, Any], language: Language, *, shop: str, print_label: LabelPrinter
) -> tuple[MailFile, ...]:
    """Return what must go with a mail of this kind."""
    label = values.get("label") or {}
    if template != "return_label" or not label.get("reference"):
        return ()
    if label["kind"] == "qr":
        picture = io.BytesIO()
        segno.make(label["reference"], error="m", micro=False).save(picture, kind="png", scale=8, border=4)
        return (MailFile(f"{values['number']}.png", "image/png", picture.getvalue()),)
    page = print_label(
        shop=shop,
        number=values["number"],
        order_number=values["order_number"],
        reference=label["reference"],
        hand_in_by=values.get("hand_in_by") or "",
        language=language,
    )
    return (MailFile(f"{values['number']}.pdf", "application/pdf", page),)
