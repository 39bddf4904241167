"""The decision to hand over, as a table."""

import pytest

from bot.engine_client import Facts
from bot.escalation import EscalationReason, decide


def facts(
    understood: bool = True, emotion: tuple[str, float, float] | None = None, handoff: str | None = None
) -> Facts:
    return Facts.model_validate(
        {
            "language": "de",
            "understood": understood,
            "emotion": dict(zip(("label", "valence", "confidence"), emotion, strict=True)) if emotion else None,
            "requests": [{"kind": "handoff", "reason": handoff}] if handoff else [],
        }
    )


ANGRY, CROSS, WORRIED = ("anger", -0.9, 0.9), ("frustration", -0.5, 0.8), ("worry", -0.85, 0.8)


@pytest.mark.parametrize(
    ("given", "text", "not_understood_before", "upset_before", "expected"),
    [
        (facts(), "wo ist mein Paket", 0, 0, None),
        (facts(handoff="customer_asked"), "Mensch bitte", 0, 0, EscalationReason.CUSTOMER_ASKED),
        (facts(handoff="policy"), None, 0, 0, EscalationReason.POLICY),
        (facts(understood=False), "hä", 0, 0, None),
        (facts(understood=False), "hä", 1, 0, None),
        (facts(understood=False), "hä", 2, 0, EscalationReason.NOT_UNDERSTOOD),
        (facts(emotion=ANGRY), "so ein Mist", 0, 0, None),
        (facts(emotion=ANGRY), "so ein Mist", 0, 1, EscalationReason.UPSET),
        (facts(emotion=WORRIED), "ich mache mir Sorgen", 0, 1, EscalationReason.UPSET),
        (facts(emotion=CROSS), "immer noch nichts", 0, 1, None),
        (facts(emotion=CROSS), "immer noch nichts", 0, 2, EscalationReason.UPSET),
        (facts(emotion=("gratitude", 0.8, 0.9)), "danke", 0, 5, None),
        (facts(), "Dann schalte ich meinen Anwalt ein", 0, 0, EscalationReason.KEYWORD),
        (facts(), "my solicitor will write to you", 0, 0, EscalationReason.KEYWORD),
        (facts(), "Das Ladegerät hat mich verletzt", 0, 0, EscalationReason.KEYWORD),
        (facts(), "the charger caught fire", 0, 0, EscalationReason.KEYWORD),
        (facts(), "is the issue with my suede boots sorted", 0, 0, None),  # "issue", "suede" are not "sue"
        (facts(), "Ich bin Journalistin und frage an", 0, 0, EscalationReason.KEYWORD),
    ],
)
def test_decide(given, text, not_understood_before, upset_before, expected) -> None:
    escalation = decide(given, text, not_understood_before=not_understood_before, upset_before=upset_before)
    assert (escalation.reason if escalation else None) == expected
