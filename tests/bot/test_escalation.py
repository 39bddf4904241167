"""The decision to hand over, as a table."""

import pytest

from bot.engine_client import Facts
from bot.escalation import Before, EscalationReason, decide


def facts(
    understood: bool = True,
    emotion: tuple[str, float, float] | None = None,
    handoff: str | None = None,
    intent: str | None = None,
    failed: str | None = None,
) -> Facts:
    return Facts.model_validate(
        {
            "language": "de",
            "intent": {"name": intent, "confidence": 0.9} if intent else None,
            "understood": understood,
            "emotion": dict(zip(("label", "valence", "confidence"), emotion, strict=True)) if emotion else None,
            "operations": [{"name": "cancel_order", "order": "LM-1", "ok": False, "code": failed}] if failed else [],
            "requests": [{"kind": "handoff", "reason": handoff}] if handoff else [],
        }
    )


ANGRY, CROSS, WORRIED = ("anger", -0.9, 0.9), ("frustration", -0.5, 0.8), ("worry", -0.85, 0.8)
UNSURE = ("anger", -0.9, 0.5)
NOTHING = Before()
LET_DOWN = Before(promise_broken=True)
WAITING = Before(with_person=True, upset=3, not_understood=3, promise_broken=True, operation_failed=True)


@pytest.mark.parametrize(
    ("given", "text", "before", "expected"),
    [
        (facts(), "wo ist mein Paket", NOTHING, None),
        # The customer or an action asks for a person.
        (facts(handoff="customer_asked"), "Mensch bitte", NOTHING, EscalationReason.CUSTOMER_ASKED),
        (facts(handoff="policy"), None, NOTHING, EscalationReason.POLICY),
        (facts(handoff="operation_failed"), None, NOTHING, EscalationReason.OPERATION_FAILED),
        # Two failed understandings; the third time a person comes.
        (facts(understood=False), "hä", NOTHING, None),
        (facts(understood=False), "hä", Before(not_understood=1), None),
        (facts(understood=False), "hä", Before(not_understood=2), EscalationReason.NOT_UNDERSTOOD),
        (facts(), "ach so", Before(not_understood=2), None),
        # Strong or repeated anger or worry.
        (facts(emotion=ANGRY), "so ein Mist", NOTHING, None),
        (facts(emotion=ANGRY), "so ein Mist", Before(upset=1), EscalationReason.UPSET),
        (facts(emotion=UNSURE), "so ein Mist", Before(upset=1), None),
        (facts(emotion=WORRIED), "ich mache mir Sorgen", Before(upset=1), EscalationReason.UPSET),
        (facts(emotion=CROSS), "immer noch nichts", Before(upset=1), None),
        (facts(emotion=CROSS), "immer noch nichts", Before(upset=2), EscalationReason.UPSET),
        (facts(emotion=("gratitude", 0.8, 0.9)), "danke", Before(upset=5), None),
        # An operation that failed: at once where trying again cannot help, the second time where it might.
        (facts(failed="shop_cannot"), "storniere", NOTHING, EscalationReason.OPERATION_FAILED),
        (facts(failed="just_changed"), "storniere", NOTHING, EscalationReason.OPERATION_FAILED),
        (facts(failed="shop_unavailable"), "storniere", NOTHING, None),
        (facts(failed="shop_unavailable"), "nochmal", Before(operation_failed=True), EscalationReason.OPERATION_FAILED),
        (facts(failed="already_dispatched"), "storniere", Before(operation_failed=True), None),
        # A promise was broken, and the customer writes about it or is upset.
        (facts(intent="delivery_late"), "wo bleibt es", LET_DOWN, EscalationReason.PROMISE_BROKEN),
        (facts(intent="complaint"), "schlechter Service", LET_DOWN, EscalationReason.PROMISE_BROKEN),
        (facts(intent="store_info", emotion=CROSS), "ach", LET_DOWN, EscalationReason.PROMISE_BROKEN),
        (facts(intent="thank"), "danke für die Nachricht", LET_DOWN, None),
        (facts(intent="delivery_late"), "wo bleibt es", NOTHING, None),
        # Words that a shop wants a person to read.
        (facts(), "Dann schalte ich meinen Anwalt ein", NOTHING, EscalationReason.KEYWORD),
        (facts(), "my solicitor will write to you", NOTHING, EscalationReason.KEYWORD),
        (facts(), "Das Ladegerät hat mich verletzt", NOTHING, EscalationReason.KEYWORD),
        (facts(), "the charger caught fire", NOTHING, EscalationReason.KEYWORD),
        (facts(), "is the issue with my suede boots sorted", NOTHING, None),  # "issue", "suede" are not "sue"
        (facts(), "Ich bin Journalistin und frage an", NOTHING, EscalationReason.KEYWORD),
        (facts(), None, NOTHING, None),
        # Somebody will come anyway: only who asks hears it again.
        (facts(understood=False), "hä", WAITING, None),
        (facts(emotion=ANGRY, intent="complaint", failed="shop_cannot"), "mein Anwalt!", WAITING, None),
        (facts(handoff="customer_asked"), "wann kommt jemand", WAITING, EscalationReason.CUSTOMER_ASKED),
        # The most explicit reason counts.
        (facts(handoff="customer_asked", emotion=ANGRY), "Anwalt", Before(upset=3), EscalationReason.CUSTOMER_ASKED),
        (facts(emotion=ANGRY), "mein Anwalt", Before(upset=3), EscalationReason.KEYWORD),
    ],
)
def test_decide(given, text, before, expected) -> None:
    escalation = decide(given, text, before)
    assert (escalation.reason if escalation else None) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Ich gehe zum Anwalt", "meine Anwältin meldet sich", "ich werde Sie verklagen", "wir sehen uns vor Gericht",
        "ich erstatte Strafanzeige", "das melde ich der Verbraucherzentrale", "da kommt eine Abmahnung",
        "ich habe mir daran die Hand verletzt", "mein Sohn musste ins Krankenhaus", "das Ding ist in Brand geraten",
        "ich habe einen Stromschlag bekommen", "der Akku ist explodiert", "ich gehe an die Zeitung",
        "ich bin Journalistin", "das erzähle ich der Presse, die Presse freut sich",
        "I will take legal action", "see you in court", "I'm going to sue you", "my attorney", "I got injured",
        "it burned my hand", "the charger caught fire", "I will go to the press", "report it to trading standards",
    ],
)  # fmt: skip
def test_law_injury_and_press_go_to_a_person(text: str) -> None:
    assert decide(facts(), text, NOTHING) is not None


@pytest.mark.parametrize(
    "text",
    [
        "which brand is this", "do you have court shoes", "tennis court shoes in 42", "my name is Sue", "Sue Miller",
        "ein Tischset für ein Gericht mit Nudeln", "ein Sofa zum Fernsehen", "ein Ständer für Zeitungen",
        "is the issue fixed", "suede boots", "French press", "ich möchte eine Pressekanne", "a burnt orange scarf",
        "Zeitungsständer", "Ich beklage mich nicht", "Beschwerde", "das Kleid in Feuerrot",
    ],
)  # fmt: skip
def test_ordinary_words_do_not(text: str) -> None:
    assert decide(facts(), text, NOTHING) is None
