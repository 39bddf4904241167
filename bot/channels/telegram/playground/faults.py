"""What can go wrong between Telegram and us, as probabilities that a test sets."""

from dataclasses import dataclass, field
from random import Random

__all__ = ["Faults"]


@dataclass
class Faults:
    """Each field is a probability (0..1) unless it says otherwise. All are zero in the demo.

    ``too_many`` answers a sending with 429 and ``retry_after_s``; ``hang`` accepts a sending and lets the answer
    wait for ``hang_s``; ``refuse`` answers 500 without accepting. ``duplicate`` and ``reorder`` concern updates:
    brought twice, or up to ``reorder_s`` late so that others overtake.
    """

    too_many: float = 0.0
    retry_after_s: int = 2
    hang: float = 0.0
    hang_s: float = 30.0
    refuse: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.6
    random: Random = field(default_factory=Random)

    def happens(self, probability: float) -> bool:
        """Draw once."""
        return probability > 0 and self.random.random() < probability
