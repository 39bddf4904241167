"""The question bank: survey.yml, read and validated."""

from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.conversation import Language
from bot.errors import InvalidInput

__all__ = ["SCALES", "Bank", "FollowUp", "Item", "Kind", "Level", "Localized", "load_bank"]


class Level(StrEnum):
    """The four levels of customer expectation, the basic one first (Buckingham & Coffman, Gallup, 1999)."""

    ACCURACY = "accuracy"
    AVAILABILITY = "availability"
    PARTNERSHIP = "partnership"
    ADVICE = "advice"


class Kind(StrEnum):
    """What an item measures; the kind fixes its scale."""

    LEVEL = "level"
    IMPORTANCE = "importance"
    NPS = "nps"
    CSAT = "csat"
    CES = "ces"
    TEXT = "text"


# Lowest and highest answer. NPS: Reichheld 2003; CSAT: five points; CES 2.0: Dixon et al. 2013, seven points.
SCALES: dict[Kind, tuple[int, int]] = {
    Kind.LEVEL: (1, 5),
    Kind.IMPORTANCE: (1, 5),
    Kind.NPS: (0, 10),
    Kind.CSAT: (1, 5),
    Kind.CES: (1, 7),
}
OUTCOMES = (Kind.NPS, Kind.CSAT, Kind.CES)
LEVELS_ASKED = 2


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Localized(_Strict):
    """A text in both languages."""

    de: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    def in_(self, language: Language) -> str:
        """Return the text in a language."""
        return self.de if language == "de" else self.en


class Item(_Strict):
    """One question with a scale. Weights are relative within its group; importance items take their level's."""

    kind: Literal[Kind.LEVEL, Kind.IMPORTANCE, Kind.NPS, Kind.CSAT, Kind.CES]
    level: Level | None = None
    weight: float = Field(1.0, ge=0)
    weight_with_person: float | None = Field(None, ge=0)
    question: Localized
    low: Localized
    high: Localized

    @model_validator(mode="after")
    def _level_where_one_belongs(self) -> "Item":
        wants_level = self.kind in (Kind.LEVEL, Kind.IMPORTANCE)
        if wants_level != (self.level is not None):
            raise ValueError(f"an item of kind {self.kind} {'needs' if wants_level else 'has no'} level")
        return self

    @property
    def scale(self) -> tuple[int, int]:
        """Lowest and highest answer."""
        return SCALES[self.kind]

    def weight_for(self, with_person: bool) -> float:
        """Return the weight that holds for a conversation with or without a person."""
        return self.weight_with_person if with_person and self.weight_with_person is not None else self.weight


class FollowUp(_Strict):
    """What follows a low score; a score is low at or below the number of its kind."""

    mode: Literal["never", "ask", "always"] = "never"
    nps: int = Field(4, ge=0, le=10)
    csat: int = Field(2, ge=1, le=5)
    ces: int = Field(3, ge=1, le=7)
    level: int = Field(2, ge=1, le=5)

    def is_low(self, kind: Kind, value: int) -> bool:
        """Tell whether an answer calls for somebody to look into it; importance never does."""
        limits = {Kind.NPS: self.nps, Kind.CSAT: self.csat, Kind.CES: self.ces, Kind.LEVEL: self.level}
        return kind in limits and value <= limits[kind]


class Texts(_Strict):
    """Everything the survey says beside its questions."""

    intro: Localized
    intro_after_silence: Localized
    resume: Localized
    scale: Localized
    free_text: Localized
    again: Localized
    changed: Localized
    thanks: Localized
    thanks_text: Localized
    stopped: Localized
    over: Localized
    follow_up: Localized
    skip: Localized
    stop: Localized
    no_text: Localized
    needs_help: Localized
    follow_up_yes: Localized
    follow_up_no: Localized

    @model_validator(mode="after")
    def _placeholders(self) -> "Texts":
        allowed = {"scale": {"min", "max", "low", "high"}, "again": {"min", "max"}, "changed": {"value"}}
        for name in type(self).model_fields:
            for language, words in getattr(self, name).model_dump().items():
                found = {field for _, field, _, _ in Formatter().parse(words) if field is not None}
                if unknown := found - allowed.get(name, set()):
                    raise ValueError(f"texts.{name}.{language} has unknown placeholders {sorted(unknown)}")
        return self


class Bank(_Strict):
    """The whole question bank."""

    importance_share: float = Field(0.15, ge=0, le=0.5)
    rest_days: float = Field(0, ge=0)
    late_days: float = Field(14, ge=0)
    free_text: bool = True
    follow_up: FollowUp = FollowUp()
    items: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Item]
    texts: Texts

    @model_validator(mode="after")
    def _complete(self) -> "Bank":
        if "text" in self.items:
            raise ValueError("the name 'text' is taken by the free text")
        importance = self.of_kind(Kind.IMPORTANCE)
        for level in Level:
            if not any(item.level is level for item in self.of_kind(Kind.LEVEL).values()):
                raise ValueError(f"no item asks about the level {level}")
            if self.importance_share and sum(item.level is level for item in importance.values()) != 1:
                raise ValueError(f"exactly one item must ask for the importance of {level}")
        if not any(self.of_kind(kind) for kind in OUTCOMES):
            raise ValueError("no outcome item: add one of kind nps, csat or ces")
        for with_person in (False, True):
            weights = self.level_weights(with_person)
            total = sum(weights.values())
            if min(weights.values()) <= 0:
                raise ValueError("every level needs a weight above 0, or nothing can be said about it")
            if max(weights.values()) * LEVELS_ASKED > total:
                raise ValueError(
                    "one level's weight is more than half of all: it would be drawn with more than certainty"
                )
            if sum(i.weight_for(with_person) for i in self.items.values() if i.kind in OUTCOMES) <= 0:
                raise ValueError("the weights of the outcome items add up to 0")
        return self

    def of_kind(self, kind: Kind) -> dict[str, Item]:
        """Return the items of one kind by name."""
        return {name: item for name, item in self.items.items() if item.kind is kind}

    def level_weights(self, with_person: bool) -> dict[Level, float]:
        """Return each level's weight: the sum over its items."""
        weights = dict.fromkeys(Level, 0.0)
        for item in self.of_kind(Kind.LEVEL).values():
            assert item.level is not None
            weights[item.level] += item.weight_for(with_person)
        return weights


def load_bank(path: Path) -> Bank:
    """Read and validate a question bank.

    Raises:
        InvalidInput: the file cannot be read or breaks a rule; the message names the places.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"The question bank {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"The question bank {path} is no valid YAML: {error}") from error
    try:
        return Bank.model_validate(content)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'survey'}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise InvalidInput(f"The question bank {path} is wrong at {places}") from error
