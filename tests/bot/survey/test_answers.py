"""What customers type while a question is open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine_client import IntentScore, ParseResult
from bot.survey.answers import New, Said, asks_something_new, read_scale_answer, read_yes_or_no

NPS, STARS, CES = (0, 10), (1, 5), (1, 7)


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "scale", "value"),
        [
            ("9", NPS, 9),
            ("0", NPS, 0),
            ("10", NPS, 10),
            ("eine 9", NPS, 9),
            ("Eine Neun.", NPS, 9),
            ("9/10", NPS, 9),
            ("9 von 10 Punkten!", NPS, 9),
            ("8 out of ten", NPS, 8),
            ("ich würde eine 8 geben", NPS, 8),
            ("Hm, ich sag mal 7", NPS, 7),
            ("I'd give it a 7", CES, 7),
            ("four stars", STARS, 4),
            ("vier Sterne", STARS, 4),
            ("4 stars out of 5", STARS, 4),
            ("ein Stern", STARS, 1),
            ("★★★★☆", STARS, 4),
            ("⭐⭐", STARS, 2),
            ("5 Sterne natürlich 😊", STARS, 5),
            ("sehr zufrieden", STARS, 5),
            ("Sehr unzufrieden!", STARS, 1),
            ("  3  ", STARS, 3),
        ],
    )
    def test_are_read_in_figures_and_words(self, text: str, scale: tuple[int, int], value: int) -> None:
        reading = read_scale_answer(text, scale, "sehr unzufrieden", "sehr zufrieden")
        assert (reading.said, reading.value) == (Said.VALUE, value)

    @pytest.mark.parametrize(
        ("text", "value", "comment"),
        [
            ("5, weil es schnell ging", 5, "weil es schnell ging"),
            ("2 aber die Antwort war Quatsch", 2, "die Antwort war Quatsch"),
            ("4 - War SEHR nett!", 4, "War SEHR nett!"),
        ],
    )
    def test_keep_what_was_said_with_them(self, text: str, value: int, comment: str) -> None:
        reading = read_scale_answer(text, STARS)
        assert (reading.value, reading.comment) == (value, comment)

    @given(st.integers(0, 10))
    def test_every_value_of_the_scale_is_read(self, value: int) -> None:
        assert read_scale_answer(f"{value}", NPS).value == value

    @given(st.text(max_size=200))
    def test_no_text_breaks_the_reader_or_leaves_the_scale(self, text: str) -> None:
        reading = read_scale_answer(text, STARS, "schlecht", "gut")
        assert (reading.said is Said.VALUE) == (reading.value is not None)
        assert reading.value is None or 1 <= reading.value <= 5


class TestVague:
    @pytest.mark.parametrize(
        "text",
        [
            *("ganz gut", "Gut!", "naja, geht so", "war okay", "pretty good", "not really helpful", "ja"),
            *("8-9", "8 bis 9", "3,5", "12", "-1", "4 von 10"),
        ],
    )
    def test_opinions_and_numbers_off_the_scale_are_asked_again(self, text: str) -> None:
        assert read_scale_answer(text, STARS).said is Said.VAGUE


class TestWishes:
    @pytest.mark.parametrize("text", ["überspringen", "Weiß nicht", "skip", "keine Angabe.", "I don't know"])
    def test_to_skip(self, text: str) -> None:
        assert read_scale_answer(text, STARS).said is Said.SKIP

    @pytest.mark.parametrize(
        "text",
        [
            "stop",
            "Nein danke",
            "keine Lust",
            "danke, tschüss",
            "Vielen Dank!",
            "no thanks",
            "thanks, bye",
            "leave me alone",
        ],
    )
    def test_to_stop(self, text: str) -> None:
        assert read_scale_answer(text, STARS).said is Said.STOP


class TestOther:
    @pytest.mark.parametrize(
        "text",
        [
            "wo ist mein Paket",
            "9 Tage warte ich schon",
            "mein Paket ist schnell da",
            "10117 Berlin",
            "LM-10023",
            "4 und wo ist mein Paket?",
            "ich möchte meine Bestellung stornieren",
            "das Paket ist leider schlecht verpackt gewesen",
            "where is my order",
            "hallo",
            "x" * 1000,
            "",
        ],
    )
    def test_is_left_to_the_engine(self, text: str) -> None:
        assert read_scale_answer(text, STARS).said is Said.OTHER


class TestYesOrNo:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [("Ja, bitte!", True), ("gerne", True), ("nein danke", False), ("No.", False), ("wo ist", None)],
    )
    def test_is_read(self, text: str, meant: bool | None) -> None:
        assert read_yes_or_no(text) is meant


def understood(intent: str, confidence: float = 0.9) -> ParseResult:
    return ParseResult(language="de", intent=IntentScore(name=intent, confidence=confidence), understood=True)


class TestCommentOrRequest:
    @pytest.mark.parametrize(
        ("text", "parsed"),
        [
            ("Wo ist mein Paket?", None),
            ("und was ist mit LM-10023", None),
            ("schreiben Sie mir an anna@example.org", None),
            ("ich möchte meine Bestellung stornieren", understood("cancel_order")),
            ("ich möchte meine Bestellung stornieren", None),
            ("das Paket ist immer noch nicht da", understood("delivery_late")),
            ("einen Menschen sprechen", understood("human_handoff", 0.5)),
        ],
    )
    def test_a_request_wins(self, text: str, parsed: ParseResult | None) -> None:
        assert asks_something_new(text, parsed) is New.YES

    @pytest.mark.parametrize(
        ("text", "parsed"),
        [
            ("Alles super, weiter so", understood("praise")),
            ("Die Antworten waren zu lang", understood("give_feedback")),
            ("Ich möchte mich bedanken", understood("thank")),
            ("Der Assistent hat mich gut verstanden", None),
            ("irgendwas mit Lieferung", understood("delivery_time", 0.4)),
        ],
    )
    def test_a_comment_is_kept(self, text: str, parsed: ParseResult | None) -> None:
        assert asks_something_new(text, parsed) is New.NO

    def test_a_matter_told_in_judging_words_may_be_either(self) -> None:
        assert asks_something_new("Die Lieferung war leider langsam", understood("delivery_late")) is New.MAYBE
