"""The expectation map: which of the customer's expectations each intent and each reason touches."""

from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from bot.survey.bank import Level

__all__ = ["TOPICS", "Expectation", "ExpectationMap", "Kind", "Matter", "expectation_map"]

TOPICS = ("orders", "delivery", "returns", "products", "account", "service", "none")


class Kind(StrEnum):
    """The eight kinds of expectation; expectations.yml says what each means."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    TECHNOLOGICAL = "technological"
    STATIC_PERFORMANCE = "static_performance"
    DYNAMIC_PERFORMANCE = "dynamic_performance"
    DIGITAL = "digital"
    INTERPERSONAL = "interpersonal"
    SITUATIONAL = "situational"


class Expectation(BaseModel):
    """What is expected, and why it is seen so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Level
    kind: Kind
    why: str = Field(min_length=10)


class Matter(Expectation):
    """What an intent touches. ``matter`` tells a wish of the customer from mere talk."""

    matter: bool = True
    topic: str = Field(pattern=f"^({'|'.join(TOPICS)})$")
    severity: int = Field(ge=0, le=2)


class ExpectationMap(BaseModel):
    """The whole table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intents: dict[str, Matter]
    reasons: dict[str, Expectation]

    def matter(self, intent: str | None) -> Matter | None:
        """Return what an intent touches if it is a matter, None for talk and unknown intents."""
        entry = self.intents.get(intent or "")
        return entry if entry is not None and entry.matter else None


@cache
def expectation_map() -> ExpectationMap:
    """Return the table of expectations.yml."""
    text = (Path(__file__).parent / "expectations.yml").read_text(encoding="utf-8")
    return ExpectationMap.model_validate(yaml.safe_load(text))
