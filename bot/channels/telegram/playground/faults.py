"""What can go wrong between Telegram and us: by chance, or as a test scripts it."""

from dataclasses import dataclass, field
from random import Random
from typing import Literal

__all__ = ["Faults", "Outcome"]

# How a sending ends: well; 429; accepted but not answered in time; 500 without accepting; refused as bad (400).
Outcome = Literal["well", "too_many", "hang", "refuse", "bad"]


@dataclass
class Faults:
    """Each field is a probability (0..1) unless it says otherwise. All are zero in the demo.

    ``too_many``, ``hang`` and ``refuse`` concern what the bot sends: answered with 429 and ``retry_after_s``;
    accepted, but answered only after ``hang_s``; answered with 500. ``script`` says how the next sendings end,
    before chance decides again. ``duplicate`` and ``reorder`` concern updates: brought twice, or up to
    ``reorder_s`` late so that others overtake.
    """

    too_many: float = 0.0
    retry_after_s: int = 2
    hang: float = 0.0
    hang_s: float = 30.0
    refuse: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.6
    script: list[Outcome] = field(default_factory=list)
    random: Random = field(default_factory=Random)

    def happens(self, probability: float) -> bool:
        """Draw once."""
        return probability > 0 and self.random.random() < probability

    def of_sending(self) -> Outcome:
        """Decide how the next sending ends."""
        if self.script:
            return self.script.pop(0)
        chances: tuple[tuple[Outcome, float], ...] = (
            ("too_many", self.too_many),
            ("refuse", self.refuse),
            ("hang", self.hang),
        )
        return next((outcome for outcome, probability in chances if self.happens(probability)), "well")
