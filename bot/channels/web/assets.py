"""The chat's files for the browser: read once, compressed once, kept for ever under a name that changes with them."""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

from bot.errors import NotFound

__all__ = ["Assets"]

_TEXT = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

# Whole lines of comment, and the blanks before a line, are for whoever reads the source and do not travel; line
# numbers stay. (A template text over several lines must not rely on its indentation.)
_COMMENTS = re.compile(rb"^[ \t]*(?:/\*.*?\*/|//[^\n]*)[ \t]*$", re.MULTILINE | re.DOTALL)
_INDENTS = re.compile(rb"^[ \t]+", re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """One file, plain and compressed."""

    media_type: str
    plain: bytes
    compressed: bytes
    etag: str


class Assets:
    """The files of one directory. ``version`` changes with any of them and is part of their address."""

    def __init__(self, directory: Path) -> None:
        self._files = {
            path.relative_to(directory).as_posix(): _load(path)
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        digest = hashlib.sha256()
        for name, asset in self._files.items():
            digest.update(name.encode() + b"\0" + asset.plain + b"\0")
        self.version = digest.hexdigest()[:12]

    def names(self, suffix: str) -> list[str]:
        """Return the names of the files that end so."""
        return [name for name in self._files if name.endswith(suffix)]

    def text(self, name: str) -> str:
        """Return a file's text."""
        return self._files[name].plain.decode()

    def compressed_size(self, name: str) -> int:
        """Return how many bytes of a file travel."""
        return len(self._files[name].compressed)

    def respond(self, request: Request, name: str, *, version: str | None = None) -> Response:
        """Return the response for a file.

        With the current version in the address it may be kept for ever; without one, browsers ask again
        after five minutes; with another version (a page from before an update) nothing is kept.

        Raises:
            NotFound: there is no such file.
        """
        asset = self._files.get(name)
        if asset is None:
            raise NotFound("There is no such file.")
        if version == self.version:
            keep = "public, max-age=31536000, immutable"
        else:
            keep = "public, max-age=300" if version is None else "no-store"
        headers = {
            "Cache-Control": keep,
            "ETag": asset.etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                asset.compressed, media_type=asset.media_type, headers=headers | {"Content-Encoding": "gzip"}
            )
        return Response(asset.plain, media_type=asset.media_type, headers=headers)


def _load(path: Path) -> Asset:
    plain = path.read_bytes()
    if path.suffix in (".js", ".css"):
        plain = _COMMENTS.sub(lambda comment: b"\n" * comment[0].count(b"\n"), plain)
        plain = _INDENTS.sub(b"", plain)
    media_type = _TEXT.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(
        media_type=media_type,
        plain=plain,
        compressed=gzip.compress(plain, 9, mtime=0),
        etag=f'"{hashlib.sha256(plain).hexdigest()[:16]}"',
    )
