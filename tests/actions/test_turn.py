"""How days, money and feelings come out."""

import pytest


def test_days_and_money(turn_of):
    german, english = turn_of(), turn_of(language="en")
    assert german.texts.on_day("2026-11-25") == "am Mittwoch, 25. November"
    assert german.texts.on_day("2026-11-23") == "heute, Montag, 23. November"
    assert german.texts.on_day("2026-11-24") == "morgen, Dienstag, 24. November"
    assert german.texts.by_day("2027-01-04") == "bis Montag, 4. Januar 2027"
    assert english.texts.on_day("2026-11-25") == "on Wednesday, 25 November"
    assert german.texts.money({"amount": "1019.99", "currency": "EUR"}) == "1.019,99 €"
    assert english.texts.money({"amount": "19.99", "currency": "EUR"}) == "€19.99"


ANGER = {"label": "anger", "valence": -0.9, "confidence": 0.9}


def said(turn) -> list:
    return [message for message in turn._dispatcher.messages if message["text"]]


def test_a_feeling_is_taken_up_once_in_a_turn_and_says_so(turn_of):
    turn = turn_of("Frechheit!", emotion=ANGER)
    turn.matter = "waiting"
    turn.say("Erste Antwort.")
    turn.say("Zweite Antwort.")
    first, second = said(turn)
    assert first["text"] == f"{turn.t('utter_acknowledge_waiting')} Erste Antwort."
    assert first["custom"]["acknowledges"] is True
    assert second["text"] == "Zweite Antwort."
    assert "acknowledges" not in second["custom"]


def test_the_same_words_do_not_come_twice(turn_of):
    turn = turn_of("Immer noch nichts!", emotion=ANGER, upset=1)
    turn.matter = "waiting"
    turn.say("Antwort.")
    assert said(turn)[0]["text"].startswith(turn.t("utter_acknowledge_waiting_again"))
    third = turn_of("Unglaublich!", emotion=ANGER, upset=2)
    third.say("Antwort.")
    assert said(third)[0]["text"] == "Antwort."


@pytest.mark.parametrize(
    "emotion",
    [None, {"label": "joy", "valence": 0.8, "confidence": 0.9}, {"label": "anger", "valence": -0.9, "confidence": 0.3}],
)
def test_no_feeling_no_sympathy(turn_of, emotion):
    turn = turn_of("Hallo", emotion=emotion)
    turn.say("Antwort.")
    assert said(turn)[0]["text"] == "Antwort."


def test_a_promise_is_due_at_the_end_of_its_day_in_the_shop(turn_of):
    turn = turn_of()
    turn.promise("delivery", "kommt am Mittwoch", "2026-11-25", order="LM-1")
    fact = turn._dispatcher.messages[0]["custom"]
    assert fact["due"] == "2026-11-25T23:59:59+01:00"
    assert fact["order"] == "LM-1"
