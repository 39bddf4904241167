"""Amounts of money, exact to the hundredth."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

__all__ = ["Money", "parse_amount"]

_PLAIN = re.compile(r"-?\d{1,12}(\.\d{1,4})?")


def parse_amount(value: object) -> int:
    """Read ``149``, ``149.5`` or ``"149.00"`` as hundredths.

    Raises:
        ValueError: for anything else, such as ``"149,00"``, ``nan`` or ``True``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"an amount is a number such as 149.00, not {value!r}")
    text = str(value).strip()
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"an amount is a number such as 149.00, not {value!r}")
    try:
        return int((Decimal(text) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except InvalidOperation as error:
        raise ValueError(f"an amount is a number such as 149.00, not {value!r}") from error


class Money(BaseModel):
    """An amount in one currency, kept as whole hundredths; written as ``{"amount": "19.99", "currency": "EUR"}``."""

    model_config = ConfigDict(frozen=True)

    cents: int = Field(description="hundredths of the currency")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, dict) and "amount" in value:
            return {"cents": parse_amount(value["amount"]), "currency": value.get("currency", "EUR")}
        return value

    @model_serializer
    def _write(self) -> dict[str, str]:
        return {"amount": self.amount, "currency": self.currency}

    @property
    def amount(self) -> str:
        """The amount as a decimal string with two places."""
        return f"{Decimal(self.cents) / 100:.2f}"

    def _same(self, other: Self) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot reckon {self.currency} with {other.currency}")

    def __add__(self, other: Self) -> Self:
        """Add two amounts of one currency."""
        self._same(other)
        return type(self)(cents=self.cents + other.cents, currency=self.currency)

    def __sub__(self, other: Self) -> Self:
        """Subtract an amount of the same currency."""
        self._same(other)
        return type(self)(cents=self.cents - other.cents, currency=self.currency)

    def __mul__(self, times: int) -> Self:
        """Multiply by a whole number."""
        return type(self)(cents=self.cents * times, currency=self.currency)

    def __neg__(self) -> Self:
        """Turn the sign."""
        return type(self)(cents=-self.cents, currency=self.currency)

    def __bool__(self) -> bool:
        """Whether it is anything but zero."""
        return self.cents != 0
