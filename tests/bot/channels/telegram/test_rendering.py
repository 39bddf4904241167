"""What Telegram shows: bearable pieces, escaped data, keyboards that fit."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram.playground.markup import read_html, utf16_length
from bot.channels.telegram.rendering import chosen_keyboard, keyboard, render, split
from bot.conversation import Attachment, Author, Button, Message

ORDER = {
    "type": "order",
    "number": "LM-1042",
    "status": "in_transit",
    "status_text": "unterwegs",
    "total": "89,90 €",
    "lines": [{"name": "Jacke <Sylt> & Co", "variant": "M", "quantity": 2, "price": "39,95 €"}],
    "expected_text": "Freitag, 6. März",
    "carrier": "DHL",
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://example.com/track",
}
RETURN = {
    "type": "return",
    "number": "RS-7",
    "order_number": "LM-1042",
    "lines": [{"name": "Jacke", "variant": "", "quantity": 1}],
    "label": {"kind": "pdf", "reference": "L123"},
    "hand_in_text": "20. März",
    "refund": "39,95 €",
}


def message(text: str | None = None, **more) -> Message:
    return Message(
        id=1,
        conversation_id=1,
        number=1,
        author=more.pop("author", Author.BOT),
        text=text,
        created_at=datetime.now(UTC),
        **more,
    )


def titles(markup) -> list[list[str]]:
    return [[button.text for button in row] for row in markup.inline_keyboard]


class TestSplit:
    def test_a_short_text_stays_whole(self) -> None:
        assert split("Guten Tag.") == ["Guten Tag."]

    def test_nothing_gives_nothing(self) -> None:
        assert split("  \n ") == []

    def test_it_ends_at_sentences(self) -> None:
        assert split("Erster Satz. Zweiter Satz! Dritter?", 26) == ["Erster Satz. Zweiter Satz!", "Dritter?"]

    def test_it_prefers_paragraphs(self) -> None:
        assert split("Eins. Zwei.\n\nDrei. Vier. Fünf.", 24) == ["Eins. Zwei.", "Drei. Vier. Fünf."]

    def test_without_any_break_it_cuts(self) -> None:
        assert split("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]

    def test_emoji_count_twice(self) -> None:
        assert all(utf16_length(piece) <= 10 for piece in split("😀" * 30, 10))

    @given(st.text(max_size=600), st.integers(min_value=12, max_value=80))
    def test_no_word_is_lost_and_none_is_too_long(self, words, limit) -> None:
        pieces = split(words, limit)
        assert all(0 < utf16_length(piece) <= limit for piece in pieces)
        assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", words)


class TestRender:
    def test_every_piece_of_data_is_escaped(self) -> None:
        (part,) = render(message("a < b & <b>c</b>", card=ORDER), "de")
        text, entities = read_html(part.html)
        assert text.startswith("a < b & <b>c</b>")
        assert "2 × Jacke <Sylt> & Co (M) · 39,95 €" in text
        assert [e["type"] for e in entities] == ["blockquote", "bold", "code"]

    def test_an_order_card_is_formatted_and_leads_to_the_parcel(self) -> None:
        (part,) = render(message("Ihr Paket ist unterwegs.", card=ORDER), "en")
        text, _ = read_html(part.html)
        assert "Order LM-1042 · unterwegs" in text
        assert "Total: 89,90 €" in text
        assert part.keyboard.inline_keyboard[0][0].url == "https://example.com/track"

    def test_an_order_on_its_way_has_a_picture_unless_the_text_is_too_long_for_one(self) -> None:
        (part,) = render(message("Ihr Paket ist unterwegs.", card=ORDER | {"status": "shipped"}), "de")
        assert part.progress_of == "shipped"
        (part,) = render(message("Sie ist storniert.", card=ORDER | {"status": "cancelled"}), "de")
        assert part.progress_of is None
        (part,) = render(message("Lang. " * 200, card=ORDER | {"status": "shipped"}), "de")
        assert part.progress_of is None

    def test_a_tracking_link_must_be_one(self) -> None:
        (part,) = render(message("x", card=ORDER | {"tracking_url": "javascript:alert(1)"}), "de")
        assert part.keyboard is None

    def test_a_return_comes_with_its_label(self) -> None:
        text, label = render(message("Die Rücksendung ist angemeldet.", card=RETURN), "de")
        assert "Bitte abgeben bis 20. März" in text.html
        assert label.label_of == RETURN

    def test_a_long_text_comes_in_parts_with_the_buttons_below_the_last(self) -> None:
        long = " ".join(f"Das ist Satz {i}." for i in range(600))
        parts = render(message(long, buttons=[Button(id="a", title="Ja")]), "de")
        assert len(parts) == 3
        assert [part.keyboard is not None for part in parts] == [False, False, True]
        assert all(part.html.endswith(".") for part in parts)

    def test_agents_are_named_and_status_is_set_apart(self) -> None:
        (agent,) = render(message("Moin <3", author=Author.AGENT, agent_name="Lena"), "de")
        assert agent.html == "<b>Lena</b>\nMoin &lt;3"
        (status,) = render(message("Lena ist da.", author=Author.SYSTEM), "de")
        assert status.html == "<i>Lena ist da.</i>"

    def test_an_answer_to_the_website_shows_the_question(self) -> None:
        (part,) = render(message("Morgen."), "de", asked="Wann <kommt> es?")
        assert part.html == "<blockquote>Ihre Frage auf der Website:\nWann &lt;kommt&gt; es?</blockquote>\nMorgen."

    def test_pictures_come_first(self) -> None:
        picture = Attachment(id="p", name="p.jpg", media_type="image/jpeg", size=1)
        parts = render(message("So sieht es aus.", attachments=[picture]), "de")
        assert [part.picture for part in parts] == [picture, None]

    def test_what_has_nothing_to_show_is_no_message(self) -> None:
        assert render(message(None, event={"kind": "seen"}), "de") == []


class TestKeyboard:
    def test_nps_has_two_rows_and_a_way_out(self) -> None:
        buttons = [Button(id=str(i), title=str(i)) for i in range(11)]
        buttons += [Button(id="s", title="Frage überspringen"), Button(id="e", title="Umfrage beenden")]
        shown = titles(keyboard(buttons, {"type": "scale"}, {}, "de"))
        assert shown[0] == ["0", "1", "2", "3", "4", "5"]
        assert shown[1] == ["6", "7", "8", "9", "10"]
        assert shown[2] == ["Frage überspringen", "Umfrage beenden"]

    def test_stars_are_stars(self) -> None:
        buttons = [Button(id=str(i), title=str(i)) for i in range(1, 6)]
        assert titles(keyboard(buttons, {"type": "stars"}, {}, "de")) == [["1 ★", "2 ★", "3 ★", "4 ★", "5 ★"]]

    @pytest.mark.parametrize(
        ("names", "rows"),
        [
            (["Ja", "Nein"], [["Ja", "Nein"]]),
            (["Zu groß", "Zu klein", "Defekt", "Anderes"], [["Zu groß", "Zu klein", "Defekt"], ["Anderes"]]),
            (["Passt nicht", "Gefällt mir nicht", "Anderes"], [["Passt nicht", "Gefällt mir nicht"], ["Anderes"]]),
            (["Am Paketshop in der Nähe abgeben", "Abholen"], [["Am Paketshop in der Nähe abgeben"], ["Abholen"]]),
        ],
    )
    def test_titles_stay_legible(self, names, rows) -> None:
        assert titles(keyboard([Button(id=n, title=n) for n in names], None, {}, "de")) == rows

    def test_a_used_keyboard_shows_the_choice_and_does_nothing(self) -> None:
        assert titles(chosen_keyboard("Ja")) == [["✓ Ja"]]
        assert chosen_keyboard("Ja").inline_keyboard[0][0].callback_data == "-"
