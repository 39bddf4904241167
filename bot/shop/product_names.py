"""Tells the engine what the shop sells: a file with the names of its products, so that messages may name them."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

__all__ = ["FILE_NAME", "ProductNameFile", "ProductNames"]

FILE_NAME = "product_names.txt"


class ProductNames(Protocol):
    """Where the names come from."""

    async def product_names(self) -> Iterable[tuple[str, str | None]]:
        """Return the name of each product, and its English one."""


class ProductNameFile:
    """The file that the engine reads (its ZUSAGE_PRODUCT_NAMES): `name`, or `other name<TAB>name`, one a line."""

    def __init__(self, path: Path, shop: ProductNames) -> None:
        self._path = path
        self._shop = shop

    async def write(self) -> bool:
        """Write the file, where the products have changed; return whether they had.

        The engine may read at any time, so the new file takes the old one's place at once.
        """
        lines: dict[str, None] = {}
        for name, name_en in await self._shop.product_names():
            lines[_plain(name)] = None
            if name_en and _plain(name_en) != _plain(name):
                lines[f"{_plain(name_en)}\t{_plain(name)}"] = None
        text = "".join(f"{line}\n" for line in sorted(lines))
        if self._path.is_file() and self._path.read_text(encoding="utf-8") == text:
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".part")
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, self._path)
        return True


def _plain(name: str) -> str:
    return " ".join(name.split())
