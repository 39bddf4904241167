"""Writes rows as CSV, JSON, JSON Lines, XLSX or Parquet, a batch at a time, so that memory does not grow."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO, Any, Protocol
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from bot.metrics.datasets import Column, Dataset, Type, as_text

__all__ = ["FORMATS", "MEDIA_TYPES", "Rows", "Writer", "writer"]

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
FORMATS = tuple(MEDIA_TYPES)

Rows = Sequence[Sequence[Any]]


class Writer(Protocol):
    """Writes one dataset to a binary file: once ``begin``, any number of ``write``, once ``end``."""

    def begin(self) -> None:
        """Write what comes before the rows."""
        ...

    def write(self, rows: Rows) -> None:
        """Write some rows."""
        ...

    def end(self) -> None:
        """Write what comes after the rows. The file stays open."""
        ...


def writer(
    kind: str, dataset: Dataset, file: IO[bytes], *, zone: ZoneInfo, bom: bool = False, continued: bool = False
) -> Writer:
    """Return the writer of a format.

    Args:
        kind: one of FORMATS.
        dataset: what is written.
        file: where to; written from its present position.
        zone: the shop's time zone, for Excel, whose times have none.
        bom: begin CSV with a byte order mark, by which Excel knows UTF-8.
        continued: the file has rows already; only for CSV and JSON Lines.
    """
    if kind == "csv":
        return _Csv(dataset, file, bom=bom, continued=continued)
    if kind == "jsonl":
        return _JsonLines(dataset, file)
    if kind == "json":
        return _Json(dataset, file)
    if kind == "xlsx":
        return _Xlsx(dataset, file, zone)
    from bot.metrics.parquet import Parquet  # noqa: PLC0415 - 30 MB that nobody else in the service needs

    return Parquet(dataset, file)


class _Csv:
    """CSV as in RFC 4180 with a header line. Text that a spreadsheet would run as a formula is disarmed."""

    def __init__(self, dataset: Dataset, file: IO[bytes], *, bom: bool, continued: bool) -> None:
        self._file = file
        self._text = [i for i, column in enumerate(dataset.columns) if column.type in (Type.TEXT, Type.JSON)]
        self._convert = [i for i, c in enumerate(dataset.columns) if c.type in (Type.INSTANT, Type.BOOLEAN, Type.JSON)]
        self._header = None if continued else [column.name for column in dataset.columns]
        self._bom = bom and not continued

    def begin(self) -> None:
        if self._bom:
            self._file.write("\ufeff".encode())
        if self._header is not None:
            self._put([self._header])

    def write(self, rows: Rows) -> None:
        lines = []
        for row in rows:
            line = list(row)
            for i in self._convert:
                line[i] = as_text(line[i])
            for i in self._text:
                value = line[i]
                if value and value[0] in _FORMULA:
                    line[i] = "'" + value
            lines.append(line)
        self._put(lines)

    def end(self) -> None:
        self._file.flush()

    def _put(self, lines: Rows) -> None:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerows(lines)
        self._file.write(buffer.getvalue().encode("utf-8", "replace"))


# What a spreadsheet takes for the start of a formula (OWASP, "CSV Injection").
_FORMULA = frozenset("=+-@\t\r")


class _JsonLines:
    """One JSON object per line."""

    def __init__(self, dataset: Dataset, file: IO[bytes]) -> None:
        self._file = file
        self._names = [column.name for column in dataset.columns]
        self._instants = [i for i, column in enumerate(dataset.columns) if column.type is Type.INSTANT]

    def begin(self) -> None:
        pass

    def write(self, rows: Rows) -> None:
        self._file.write("".join(f"{line}\n" for line in self._lines(rows)).encode("utf-8", "replace"))

    def end(self) -> None:
        self._file.flush()

    def _lines(self, rows: Rows) -> list[str]:
        lines = []
        for row in rows:
            values = list(row)
            for i in self._instants:
                if values[i] is not None:
                    values[i] = values[i].isoformat()
            lines.append(json.dumps(dict(zip(self._names, values, strict=True)), ensure_ascii=False))
        return lines


class _Json(_JsonLines):
    """One JSON array of objects."""

    _first = True

    def begin(self) -> None:
        self._file.write(b"[")

    def write(self, rows: Rows) -> None:
        if not rows:
            return
        lead = "\n" if self._first else ",\n"
        self._first = False
        self._file.write((lead + ",\n".join(self._lines(rows))).encode("utf-8", "replace"))

    def end(self) -> None:
        self._file.write(b"\n]\n")
        self._file.flush()


class _Xlsx:
    """An Excel workbook: the definitions first, then as many sheets of rows as Excel's row limit asks for.

    The sheets are written as text straight into the archive: libraries that build cells one by one need more
    than a minute and a half for a million rows.
    """

    LIMIT = 1_048_576  # rows of a sheet, the header included
    LONGEST = 32_767  # characters of a cell

    def __init__(self, dataset: Dataset, file: IO[bytes], zone: ZoneInfo) -> None:
        self._dataset, self._file, self._zone = dataset, file, zone
        self._archive: zipfile.ZipFile | None = None
        self._sheet: IO[bytes] | None = None
        self._sheets: list[str] = []
        self._rows = 0

    def begin(self) -> None:
        self._archive = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._open("Definitions")
        self._line(["Column", "Type", "Meaning"], bold=True)
        for column in self._dataset.columns:
            self._line([column.name, _excel_type(column, self._zone), column.meaning])
        self._open(self._dataset.name)
        self._line([column.name for column in self._dataset.columns], bold=True)

    def write(self, rows: Rows) -> None:
        room = self.LIMIT - self._rows
        for part in (rows[:room], rows[room:]) if len(rows) > room else (rows,):
            if self._rows >= self.LIMIT:
                self._open(f"{self._dataset.name} {len(self._sheets)}")
                self._line([column.name for column in self._dataset.columns], bold=True)
            assert self._sheet is not None
            kinds = [column.type for column in self._dataset.columns]
            text = "".join(f"<row>{''.join(map(self._cell, kinds, row))}</row>" for row in part)
            self._sheet.write(text.encode("utf-8", "replace"))
            self._rows += len(part)

    def end(self) -> None:
        self._close()
        assert self._archive is not None
        for name, content in _workbook(self._sheets).items():
            self._archive.writestr(name, content)
        self._archive.close()
        self._file.flush()

    def _cell(self, kind: Type, value: Any) -> str:
        if value is None:
            return "<c/>"
        if kind is Type.INTEGER or kind is Type.NUMBER:
            return f"<c><v>{value}</v></c>"
        if kind is Type.BOOLEAN:
            return '<c t="b"><v>1</v></c>' if value else '<c t="b"><v>0</v></c>'
        if kind is Type.INSTANT:
            local = value.astimezone(self._zone).replace(tzinfo=UTC)
            return f'<c s="1"><v>{(local - _EXCEL_BEGINS).total_seconds() / 86400:.8f}</v></c>'
        return _text_cell(as_text(value)[: self.LONGEST])

    def _line(self, words: Sequence[str], *, bold: bool = False) -> None:
        assert self._sheet is not None
        self._sheet.write(f"<row>{''.join(_text_cell(word, bold=bold) for word in words)}</row>".encode())
        self._rows += 1

    def _open(self, title: str) -> None:
        self._close()
        assert self._archive is not None
        self._sheets.append(title)
        self._rows = 0
        self._sheet = self._archive.open(f"xl/worksheets/sheet{len(self._sheets)}.xml", "w", force_zip64=True)
        self._sheet.write(
            _XML
            + b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews>'
            + b'<sheetView workbookViewId="0">'
            + b'<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            + b'</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
            + b'<cols><col min="1" max="40" width="20" customWidth="1"/></cols><sheetData>'
        )

    def _close(self) -> None:
        if self._sheet is not None:
            self._sheet.write(b"</sheetData></worksheet>")
            self._sheet.close()


_XML = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EXCEL_BEGINS = datetime(1899, 12, 30, tzinfo=UTC)
# Characters that XML 1.0 has no way to write.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _text_cell(text: str, *, bold: bool = False) -> str:
    if not text:
        return "<c/>"
    style = ' s="2"' if bold else ""
    words = escape(_NOT_XML.sub("", text))
    # An inline string is text whatever it begins with: a formula would be another element.
    return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{words}</t></is></c>'


def _excel_type(column: Column, zone: ZoneInfo) -> str:
    return f"time in {zone.key}" if column.type is Type.INSTANT else column.type.value


def _workbook(sheets: Sequence[str]) -> dict[str, bytes]:
    """Return the parts of a workbook beside its sheets (ECMA-376, part 1, chapters 12 and 18)."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    numbers = range(1, len(sheets) + 1)
    sheet_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/styles.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
        + "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{sheet_type}"/>' for n in numbers)
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        + "".join(
            f'<sheet name="{escape(t)}" sheetId="{n}" r:id="rId{n}"/>' for n, t in zip(numbers, sheets, strict=True)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{relations}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        + f'<Relationship Id="rId{len(sheets) + 1}" Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}">'
        '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
    }
    return {name: _XML + content.encode() for name, content in parts.items()}
