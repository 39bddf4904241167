"""Pictures that go with messages: how far an order has come, and the code of a return label."""

import io
from collections.abc import Sequence

import segno
from PIL import Image, ImageDraw, ImageFont

__all__ = ["PROGRESS", "STEPS", "code_picture", "progress_picture"]

# The stations of an order, and which of them a status has reached. What is not on this way (cancelled, lost,
# sent back) has no picture: it would look as if all went well.
STEPS = ("ordered", "prepared", "shipped", "out_for_delivery", "delivered")
PROGRESS = {
    "awaiting_payment": 0,
    "processing": 1,
    "partly_shipped": 2,
    "shipped": 2,
    "delayed": 2,
    "out_for_delivery": 3,
    "delivered": 4,
}

# In pixels, at twice the size that is sent: drawn large and made small, edges are smooth.
_SIZE = (2160, 560)
_MARGIN, _LINE_Y, _RADIUS, _FONT = 220, 200, 68, 54
_DONE, _LATE, _AHEAD, _WORDS, _QUIET = "#0f4c5c", "#b45309", "#c5d0d4", "#26343a", "#5d6d73"


def progress_picture(reached: int, names: Sequence[str], *, late: bool = False) -> bytes:
    """Draw the stations of an order as a line of dots, up to the one that is reached; return a PNG.

    Args:
        reached: index of the station the order has come to.
        names: of the stations, in the customer's language; a blank may become a line break.
        late: whether the station it has come to is to be told apart as delayed.
    """
    image = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT)
    step = (_SIZE[0] - 2 * _MARGIN) / (len(names) - 1)
    places = [_MARGIN + i * step for i in range(len(names))]
    for i in range(len(names) - 1):
        draw.line((places[i], _LINE_Y, places[i + 1], _LINE_Y), fill=_DONE if i < reached else _AHEAD, width=20)
    for i, (x, name) in enumerate(zip(places, names, strict=True)):
        colour = _AHEAD if i > reached else _LATE if late and i == reached else _DONE
        radius = _RADIUS if i == reached else _RADIUS - 16
        draw.circle((x, _LINE_Y), radius, fill=colour if i <= reached else "white", outline=colour, width=16)
        if i < reached or (i == reached and i == len(names) - 1):
            draw.line(((x - 22, _LINE_Y), (x - 6, _LINE_Y + 18), (x + 26, _LINE_Y - 20)), fill="white", width=12)
        elif i == reached:
            draw.circle((x, _LINE_Y), 20, fill="white")
        words, fill = "\n".join(name.split(" ", 1)), _WORDS if i <= reached else _QUIET
        draw.multiline_text((x, _LINE_Y + 112), words, font=font, fill=fill, anchor="ma", align="center")
    out = io.BytesIO()
    image.resize((_SIZE[0] // 2, _SIZE[1] // 2), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def code_picture(reference: str) -> bytes:
    """Return a reference as a QR code, in PNG."""
    out = io.BytesIO()
    segno.make(reference, error="m", micro=False).save(out, kind="png", scale=12, border=4)
    return out.getvalue()
