"""Exports a dataset: range, privacy, format and audit; to a file that can be resumed, or as a stream."""

import csv
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from bot.clock import Clock, utc_now
from bot.errors import InvalidInput
from bot.metrics.datasets import DATASETS, converters
from bot.metrics.formats import FORMATS, Rows, writer
from bot.storage.database import Database
from bot.storage.exports import Filters, pages
from bot.storage.records import Records

__all__ = ["RESUMABLE", "Exporter", "Request"]

RESUMABLE = ("csv", "jsonl")


@dataclass(frozen=True)
class Request:
    """What is to be exported.

    Args:
        dataset: name of a dataset.
        kind: one of FORMATS.
        first: first day, in the shop's time zone; None: from the beginning.
        last: last day, included; None: until now.
        after: only rows whose first column is above this.
        channel: only conversations of this channel.
        language: only conversations in this language.
        personal: with texts and identities; needs a right of its own and is written down.
        bom: begin CSV with a byte order mark.

    Raises:
        InvalidInput: there is no such dataset or format, or the range is empty.
    """

    dataset: str
    kind: str = "csv"
    first: date | None = None
    last: date | None = None
    after: int = 0
    channel: str | None = None
    language: str | None = None
    personal: bool = False
    bom: bool = False

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise InvalidInput(f"There is no dataset {self.dataset!r}; choose one of {', '.join(DATASETS)}.")
        if self.kind not in FORMATS:
            raise InvalidInput(f"There is no format {self.kind!r}; choose one of {', '.join(FORMATS)}.")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise InvalidInput(f"The range is empty: {self.last} is before {self.first}.")


@dataclass(frozen=True)
class Exporter:
    """Reads from a database and writes exports. ``key`` makes the pseudonyms."""

    database: Database
    zone: ZoneInfo
    key: str
    clock: Clock = utc_now

    async def to_file(
        self,
        request: Request,
        path: Path,
        actor: str,
        *,
        resume: bool = False,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> int:
        """Write an export to a file and return the number of rows written now.

        The file appears under its name only when it is whole; until then it ends in ``.part``, and an
        interrupted CSV or JSON Lines export can be taken up again.

        Raises:
            InvalidInput: this format cannot be resumed, or the folder cannot be written to.
        """
        part = path.with_name(path.name + ".part")
        resume = resume and part.exists()
        if resume and request.kind not in RESUMABLE:
            raise InvalidInput(f"An export as {request.kind} cannot be resumed; only {' and '.join(RESUMABLE)} can.")
        try:
            file = part.open("r+b" if resume else "wb")
        except OSError as error:
            raise InvalidInput(f"{part} cannot be written: {error.strerror}.") from error
        with file:
            after = request.after
            if resume:
                end, after = _keep_whole_rows(file, request)
                file.truncate(end)
                file.seek(end)
            count = await self._write(
                request, file, actor, after=after, continued=resume and after > 0, progress=progress
            )
        os.replace(part, path)
        return count

    async def to_stream(self, request: Request, file: IO[bytes], actor: str, progress: Callable[[int], None]) -> int:
        """Write an export to an open file, such as standard output, and return the number of rows."""
        if request.kind in ("csv", "json", "jsonl"):
            return await self._write(request, file, actor, after=request.after, continued=False, progress=progress)
        with tempfile.TemporaryFile() as whole:
            count = await self._write(request, whole, actor, after=request.after, continued=False, progress=progress)
            whole.seek(0)
            for chunk in iter(lambda: whole.read(1 << 20), b""):
                file.write(chunk)
        return count

    async def stream(self, request: Request, actor: str) -> AsyncIterator[bytes]:
        """Yield an export in pieces, for an HTTP response."""
        if request.kind in ("csv", "json", "jsonl"):
            buffer = BytesIO()
            out = writer(request.kind, DATASETS[request.dataset], buffer, zone=self.zone, bom=request.bom)
            await self._audit(request, actor)
            out.begin()
            async for rows in self._rows(request, request.after):
                out.write(rows)
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
            out.end()
            yield buffer.getvalue()
            return
        with tempfile.TemporaryFile() as whole:  # these formats are finished at their beginning or as one piece
            await self._write(request, whole, actor, after=request.after, continued=False)
            whole.seek(0)
            while chunk := whole.read(1 << 20):
                yield chunk

    async def _write(
        self,
        request: Request,
        file: IO[bytes],
        actor: str,
        *,
        after: int,
        continued: bool,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> int:
        await self._audit(request, actor)
        out = writer(
            request.kind, DATASETS[request.dataset], file, zone=self.zone, bom=request.bom, continued=continued
        )
        out.begin()
        count = 0
        async for rows in self._rows(request, after):
            out.write(rows)
            count += len(rows)
            progress(count)
        out.end()
        return count

    async def _rows(self, request: Request, after: int) -> AsyncIterator[Rows]:
        dataset = DATASETS[request.dataset]
        change = converters(dataset, key=self.key, personal=request.personal)
        filters = Filters(
            since=_midnight(request.first, self.zone),
            until=_midnight(request.last + timedelta(days=1), self.zone) if request.last is not None else None,
            after=after,
            channel=request.channel,
            language=request.language,
        )
        async for page in pages(self.database, request.dataset, filters):
            rows = [list(row) for row in page]
            for position, convert in change:
                for row in rows:
                    row[position] = convert(row[position])
            yield rows

    async def _audit(self, request: Request, actor: str) -> None:
        async with self.database.begin() as session:
            Records(session).audit(
                actor,
                "export.personal" if request.personal else "export",
                self.clock(),
                subject=request.dataset,
                format=request.kind,
                first=str(request.first or ""),
                last=str(request.last or ""),
                channel=request.channel,
                language=request.language,
            )


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, zone)


def _keep_whole_rows(file: IO[bytes], request: Request) -> tuple[int, int]:
    """Return where the last whole group of rows of an interrupted export ends, and that group's key.

    Rows of one survey share their key and are written again together.
    """
    ends: list[tuple[int, int]] = []  # (position behind the row, key), of the last two different keys
    for position, key in _rows_in(file, request.kind):
        if len(ends) == 2 and ends[1][1] != key:
            ends.pop(0)
        if ends and ends[-1][1] == key:
            ends[-1] = (position, key)
        else:
            ends.append((position, key))
    if not ends:
        return 0, request.after
    if request.dataset != "survey":
        return ends[-1]
    return ends[0] if len(ends) == 2 else (0, request.after)


def _rows_in(file: IO[bytes], kind: str) -> Iterator[tuple[int, int]]:
    """Yield the end position and the key of every whole row of a file."""
    read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        for line in file:
            if not line.endswith(b"\n"):
                return
            read += len(line)
            yield line.decode("utf-8", "replace")

    if kind == "jsonl":
        for line in lines():
            yield read, int(next(iter(json.loads(line).values())))
        return
    rows = csv.reader(lines(), strict=True)
    with suppress(csv.Error):  # a quoted text that was cut off
        next(rows, None)
        for row in rows:
            yield read, int(row[0])
