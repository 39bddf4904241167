"""Pictures from customers: decoded, made anew, kept on disk; nothing of the file that came in survives."""

import asyncio
import io
import re
import secrets
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from bot.conversation import Attachment, clean_text
from bot.errors import InvalidInput

__all__ = ["UPLOAD_LIMIT", "Uploads"]

UPLOAD_LIMIT = 8 * 1024 * 1024  # bytes
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_PIXELS = 40_000_000  # what a phone makes; more is a trap that unpacks to gigabytes
LONGEST_SIDE = 1600  # pixels; a damage is still seen, and an agent's screen shows no more


class Uploads:
    """Re-encodes pictures and keeps them.

    Re-encoding is the point: a file that is a picture and a script at once, hidden data and the place
    where a photo was taken are all gone in what is stored.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # Decoding takes a core for a moment; more at a time would be felt by everyone who writes.
        self._one_at_a_time = asyncio.Semaphore(1)

    async def keep(self, data: bytes, name: str) -> tuple[Attachment, str]:
        """Store a picture; return it and the name of its file.

        Raises:
            InvalidInput: it is too large or no picture that we read.
        """
        if len(data) > UPLOAD_LIMIT:
            raise InvalidInput(f"A picture may have {UPLOAD_LIMIT // 2**20} MB at most.", code="too_large")
        async with self._one_at_a_time:
            encoded = await asyncio.to_thread(_encode_again, data)
        public_id = secrets.token_urlsafe(16)
        file_name = f"{public_id}.jpg"
        await asyncio.to_thread(self._write, file_name, encoded)
        return (
            Attachment(id=public_id, name=safe_name(name), media_type="image/jpeg", size=len(encoded)),
            file_name,
        )

    def path(self, file_name: str) -> Path:
        """Return where a kept picture is."""
        return self._directory / file_name

    def drop(self, file_name: str) -> None:
        """Delete a kept picture; it may be gone already."""
        self.path(file_name).unlink(missing_ok=True)

    def _write(self, file_name: str, encoded: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path(file_name).write_bytes(encoded)


def _encode_again(data: bytes) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise InvalidInput("This picture has too many pixels; please make it smaller.", code="too_large")
                image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                # Onto white: a picture with a see-through background would turn black.
                flat = Image.new("RGB", upright.size, "white")
                rgba = upright.convert("RGBA")
                flat.paste(rgba, mask=rgba.getchannel("A"))
    except InvalidInput:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise InvalidInput("Only pictures can be sent: JPEG, PNG, WebP or GIF.", code="not_a_picture") from error
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def safe_name(name: str) -> str:
    """Return a file name that is safe to show and to save under, always ending in ``.jpg``.

    Direction marks are dropped too: they can make ``gpj.exe`` look like ``exe.jpg``.
    """
    stem = re.sub(r"[^\w .()-]+", "_", clean_text(name).rpartition("/")[2].rpartition("\\")[2]).rpartition(".")[0]
    return f"{stem.strip(' .')[:80] or 'photo'}.jpg"
