"""Return labels: a QR code to show at the counter, or a page to print and stick on the parcel."""

import io

import segno

from bot.conversation import Language
from bot.texts import text

__all__ = ["label_pdf", "label_qr"]

A6_MM = (105, 148)


def label_qr(reference: str) -> bytes:
    """Return a reference as a QR code, in SVG."""
    out = io.BytesIO()
    segno.make(reference, error="m", micro=False).save(out, kind="svg", scale=8, border=3, light="#fff")
    return out.getvalue()


def label_pdf(
    *, shop: str, number: str, order_number: str, reference: str, hand_in_by: str, language: Language
) -> bytes:
    """Return a label of A6 size.

    Args:
        shop: who gets the parcel.
        number: of the return.
        order_number: of the order it belongs to.
        reference: what the carrier scans.
        hand_in_by: the last day, in words.
        language: of the words around it.
    """
    from fpdf import FPDF  # noqa: PLC0415 - 20 MB that a service needs only once somebody sends something back

    page = FPDF(format=A6_MM, unit="mm")
    page.set_auto_page_break(False)
    page.set_title(f"{shop} {number}")
    page.add_page()
    page.set_margin(9)
    page.rect(5, 5, A6_MM[0] - 10, A6_MM[1] - 10)
    page.set_xy(9, 11)
    page.set_font("helvetica", "B", 17)
    page.cell(0, 9, _latin(text("label_title", language)), new_x="LMARGIN", new_y="NEXT")
    page.set_font("helvetica", "", 11)
    for line in (
        text("label_to", language, shop=shop),
        text("label_return", language, number=number),
        text("label_order", language, order=order_number),
        text("label_by", language, day=hand_in_by) if hand_in_by else "",
    ):
        page.cell(0, 6.5, _latin(line), new_x="LMARGIN", new_y="NEXT")
    code = io.BytesIO()
    segno.make(reference, error="m", micro=False).save(code, kind="png", scale=10, border=2)
    page.image(code, x=23, y=58, w=59)
    page.set_xy(9, 120)
    page.set_font("courier", "B", 15)
    page.cell(0, 8, _latin(reference), align="C", new_x="LMARGIN", new_y="NEXT")
    page.set_font("helvetica", "", 9)
    page.multi_cell(0, 4.5, _latin(text("label_stick", language)), align="C")
    return bytes(page.output())


def _latin(words: str) -> str:
    """Return words as the built-in fonts can print them."""
    return words.replace("–", "-").encode("latin-1", "replace").decode("latin-1")
