"""Reads files of customers, products, orders, shipments and returns: JSON Lines and CSV, of any size.

Lines are read and checked one by one, so memory does not grow with the file; a line that is wrong is
named and left out, and everything else is imported.
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

from pydantic import Field, TypeAdapter, ValidationError

from bot.errors import InvalidInput
from bot.shop.import_formats import (
    DOCUMENTS,
    CustomerDocument,
    Document,
    OrderDocument,
    ProductDocument,
    ReturnDocument,
    ShipmentDocument,
)
from bot.shop.policies import Policies

__all__ = ["ImportReport", "LineError", "SourceLine", "fingerprint", "parse", "read_lines", "sort_files"]

LONGEST_LINE = 1 << 20  # bytes
# Customers and products come before the orders that name them, and orders before what belongs to them.
KINDS = ("customer", "product", "order", "shipment", "return")
SUFFIXES = (".jsonl", ".ndjson", ".csv")
_ANY: TypeAdapter[Document] = TypeAdapter(
    Annotated[
        CustomerDocument | ProductDocument | OrderDocument | ShipmentDocument | ReturnDocument,
        Field(discriminator="type"),
    ]
)
_GERMAN_AMOUNT = re.compile(r"-?\d{1,3}(\.?\d{3})*,\d{1,2}")
_AMOUNTS = frozenset({"price", "shipping_cost", "discount", "refund_amount", "payment_amount"})


@dataclass(frozen=True)
class SourceLine:
    """One document as it stands in a file. ``kind`` is None where the document itself must say it."""

    file: str
    number: int
    kind: str | None
    data: bytes
    position: int = 0  # bytes read of the file so far


@dataclass(frozen=True)
class LineError:
    """A line that could not be imported, and why."""

    file: str
    number: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.number}: {self.message}"


@dataclass
class ImportReport:
    """What an import did. Counts are documents, by kind."""

    written: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    first_errors: list[LineError] = field(default_factory=list)

    def count(self, kind: str, *, written: int = 0, unchanged: int = 0) -> None:
        """Add documents of one kind."""
        self.written[kind] = self.written.get(kind, 0) + written
        self.unchanged[kind] = self.unchanged.get(kind, 0) + unchanged


def sort_files(paths: Iterable[Path]) -> list[Path]:
    """Put files in the order in which they need each other.

    Raises:
        InvalidInput: if one does not exist or is of no kind that is read.
    """
    for path in paths:
        if not path.is_file():
            raise InvalidInput(f"{path} does not exist", code="no_such_file")
        if _bare(path).suffix not in SUFFIXES:
            raise InvalidInput(f"{path}: only {', '.join(SUFFIXES)} (also .gz) are read", code="unknown_format")
        if _bare(path).suffix == ".csv" and _kind_of(path) is None:
            raise InvalidInput(
                f"{path}: its name must say what is in it: {', '.join(f'{k}s.csv' for k in KINDS)}",
                code="unknown_format",
            )
    return sorted(paths, key=lambda path: KINDS.index(_kind_of(path) or "customer"))


def read_lines(path: Path) -> Iterator[SourceLine | LineError]:
    """Read the documents of one file."""
    with path.open("rb") as raw:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        if _bare(path).suffix == ".csv":
            yield from _read_csv(path, stream, raw)
        else:
            yield from _read_json_lines(path, stream, raw)


def parse(line: SourceLine, policies: Policies) -> Document:
    """Check one document.

    Raises:
        ValueError: saying which part is wrong and why.
    """
    try:
        if line.kind is None:
            document = _ANY.validate_json(line.data)
        else:
            document = DOCUMENTS[line.kind].model_validate_json(line.data)
    except ValidationError as error:
        raise ValueError(_describe(error)) from None
    if isinstance(document, OrderDocument) and policies.state(document.status) is None:
        known = ", ".join(policies.states) or "only our own stages"
        raise ValueError(
            f"status: {document.status!r} is unknown; 'states' in the policy file must say its meaning (known: {known})"
        )
    return document


def fingerprint(line: SourceLine, document: Document, policies: Policies) -> str:
    """Return what tells whether a document is the same as before, under the same policies."""
    meaning = ""
    if isinstance(document, OrderDocument) and (state := policies.state(document.status)) is not None:
        meaning = f"{state.stage}{state.done}"
    return blake2b(line.data + meaning.encode(), digest_size=16).hexdigest()


def _describe(error: ValidationError) -> str:
    parts = []
    for item in error.errors(include_url=False)[:3]:
        where = ".".join(str(part) for part in item["loc"] if part not in DOCUMENTS)
        if item["type"] in {"union_tag_not_found", "union_tag_invalid"}:
            parts.append(f'"type" must be one of {", ".join(DOCUMENTS)}')
        elif item["type"] == "json_invalid":
            parts.append(f"not JSON: {item['msg'].removeprefix('Invalid JSON: ')}")
        elif item["type"] == "extra_forbidden":
            parts.append(f"{where}: there is no such field")
        else:
            message = item["msg"].removeprefix("Value error, ")
            parts.append(f"{where}: {message}" if where else message)
    more = error.error_count() - 3
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def _bare(path: Path) -> Path:
    """The path without .gz."""
    return path.with_suffix("") if path.suffix == ".gz" else path


def _kind_of(path: Path) -> str | None:
    """What a file's name says is in it: customers.csv, 2026-orders.jsonl."""
    stem = _bare(path).stem.lower()
    return next((kind for kind in KINDS if kind in stem), None)


def _read_json_lines(path: Path, stream: BinaryIO, raw: BinaryIO) -> Iterator[SourceLine | LineError]:
    kind = _kind_of(path)
    number = 0
    while data := stream.readline(LONGEST_LINE):
        number += 1
        if len(data) == LONGEST_LINE and not data.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield LineError(path.name, number, f"longer than {LONGEST_LINE} bytes")
            continue
        if number == 1:
            data = data.removeprefix(b"\xef\xbb\xbf")
        if not data.strip():
            continue
        # A document that names its kind is believed; the file's name only helps where it does not.
        said = None if b'"type"' in data else kind
        yield SourceLine(path.name, number, said, data, raw.tell())


def _read_csv(path: Path, stream: BinaryIO, raw: BinaryIO) -> Iterator[SourceLine | LineError]:
    """Read rows as documents; rows of one order, or of one product, stand together."""
    kind = _kind_of(path)
    assert kind is not None
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")
    try:
        head = text.readline()
        delimiter = max(";,\t", key=head.count)
        names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
        if not any(names):
            yield LineError(path.name, 1, "there is no header with column names")
            return
        rows = csv.reader(text, delimiter=delimiter)
        group: list[dict[str, str]] = []
        key = start = None
        number = 1
        for values in rows:
            number = rows.line_num + 1
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(names):
                yield LineError(path.name, number, f"{len(values)} columns instead of {len(names)}")
                continue
            row = {name: value.strip() for name, value in zip(names, values, strict=True) if value.strip()}
            own = row.get(_GROUPED_BY[kind]) if kind in _GROUPED_BY else str(number)
            if group and own != key:
                yield _document(path, cast(int, start), kind, group, delimiter, raw)
                group = []
            if not group:
                key, start = own, number
            group.append(row)
        if group:
            yield _document(path, cast(int, start), kind, group, delimiter, raw)
    except UnicodeDecodeError as error:
        yield LineError(path.name, 0, f"not UTF-8 ({error.reason}); save it as 'CSV UTF-8'")
    except csv.Error as error:
        yield LineError(path.name, 0, f"not CSV: {error}")


_GROUPED_BY = {"product": "id", "order": "number", "return": "number"}


def _document(
    path: Path, number: int, kind: str, rows: list[dict[str, str]], delimiter: str, raw: BinaryIO
) -> SourceLine:
    document = _SHAPES[kind]([{key: _value(key, text, delimiter) for key, text in row.items()} for row in rows])
    data = json.dumps({**document, "type": kind}, ensure_ascii=False).encode()
    return SourceLine(path.name, number, kind, data, raw.tell())


def _value(name: str, text: str, delimiter: str) -> str:
    """Spreadsheets in German write 1.149,00; where the delimiter is a comma they cannot."""
    if delimiter != "," and name.removeprefix("line_") in _AMOUNTS and _GERMAN_AMOUNT.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text


def _pick(row: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}


def _rest(row: dict[str, str], *, but: Iterable[str] = (), prefixes: Iterable[str] = ()) -> dict[str, Any]:
    return {
        name: value
        for name, value in row.items()
        if name not in but and not any(name.startswith(prefix) for prefix in prefixes)
    }


def _customer(rows: list[dict[str, str]]) -> dict[str, Any]:
    row = rows[0]
    address = {name: row[name] for name in ("street", "extra", "postcode", "city", "country") if name in row}
    document = _rest(row, but=("street", "extra", "postcode", "city", "country"))
    return document | ({"addresses": [address]} if address else {})


def _product(rows: list[dict[str, str]]) -> dict[str, Any]:
    own = ("sku", "variant", "variant_en", "price", "stock", "restock_on")
    variants = [
        {
            ("name" + name.removeprefix("variant") if name.startswith("variant") else name): row[name]
            for name in own
            if name in row
        }
        | {"options": _pick(row, "option:")}
        for row in rows
    ]
    first = rows[0]
    return _rest(first, but=own, prefixes=("option:", "attribute:")) | {
        "attributes": _pick(first, "attribute:"),
        "variants": variants,
    }


def _order(rows: list[dict[str, str]]) -> dict[str, Any]:
    first = rows[0]
    own = (
        "sku",
        "product",
        "name",
        "name_en",
        "variant",
        "variant_en",
        "category",
        "quantity",
        "cancelled",
        "price",
        "not_returnable",
    )
    lines = [{name: row[name] for name in own if name in row} | _pick(row, "line_") for row in rows]
    document = _rest(first, but=(*own, "shipping_cost"), prefixes=("line_", "payment_", "shipping_", "billing_")) | {
        "lines": lines
    }
    if "shipping_cost" in first:
        document["shipping_cost"] = first["shipping_cost"]
    for prefix in ("shipping_", "billing_"):
        address = {name: value for name, value in _pick(first, prefix).items() if name != "cost"}
        if address:
            document[f"{prefix}address"] = address
    if payment := _pick(first, "payment_"):
        document["payments"] = [payment]
    return document


def _shipment(rows: list[dict[str, str]]) -> dict[str, Any]:
    row = rows[0]
    document = _rest(row, but=("lines",))
    if "lines" in row:
        # "1x2 3x1": two pieces of line 1, one of line 3
        document["lines"] = [
            {"line": part.partition("x")[0], "quantity": part.partition("x")[2] or "1"} for part in row["lines"].split()
        ]
    return document


def _return(rows: list[dict[str, str]]) -> dict[str, Any]:
    own = ("line", "quantity", "reason")
    lines = [{name: row[name] for name in own if name in row} for row in rows]
    return _rest(rows[0], but=own) | {"lines": lines}


_SHAPES = {
    "customer": _customer,
    "product": _product,
    "order": _order,
    "shipment": _shipment,
    "return": _return,
}
