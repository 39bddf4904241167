"""Templates: the same in both languages, values as words and nothing else."""

import re

import pytest
from jinja2 import UndefinedError

from bot.mail.rendering import HERE, Templates


def test_both_languages_have_the_same_templates(templates: Templates) -> None:
    assert templates.names("de") == templates.names("en")


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "de").glob("*.md")))
def test_both_languages_ask_for_the_same_values(name: str) -> None:
    from jinja2 import Environment, meta

    environment = Environment()
    environment.filters.update(dict.fromkeys(("money", "day", "moment", "said", "quoted"), str))

    def asked(language: str) -> set[str]:
        source = (HERE / language / f"{name}.md").read_text(encoding="utf-8")
        return meta.find_undeclared_variables(environment.parse(source))

    de, en = asked("de"), asked("en")
    assert {value.removesuffix("_en") for value in de ^ en} <= de  # English may ask for the English word besides


class TestValues:
    def test_what_looks_like_markdown_or_html_is_shown_as_typed(self, templates: Templates) -> None:
        typed = "**fett** [klick](https://evil.example) <b>x</b> | # Titel"
        mail = templates.render("report", "de", {"title": "Bericht", "words": typed})
        assert typed in mail.text
        assert "<b>" not in mail.html
        assert "<strong>" not in mail.html
        assert 'href="https://evil.example"' not in mail.html

    def test_a_heading_cannot_be_forged(self, templates: Templates) -> None:
        mail = templates.render("report", "de", {"title": "Bericht", "words": "eins\n# zwei\n    drei"})
        assert mail.html.count("<h1>") == 1
        assert "<code>" not in mail.html

    def test_a_missing_value_is_an_error_and_no_blank(self, templates: Templates) -> None:
        with pytest.raises(UndefinedError):
            templates.render("report", "de", {"title": "Bericht"})

    def test_addresses_in_a_receipt_are_no_links(self, templates: Templates) -> None:
        mail = templates.render(
            "withdrawal_receipt",
            "en",
            {
                "number": "W-1",
                "name": "Visit https://evil.example now",
                "contract": "see www.evil.example",
                "lines": None,
                "receipt_to": "a@example.org",
                "received_at": "2026-11-11T10:30:05+01:00",
                "text": {"de": "", "en": "I withdraw, http://evil.example"},
            },
        )
        assert not re.search(r"https?://evil|www\.evil", mail.text + mail.html)


class TestText:
    def test_a_table_reads_as_lines(self, templates: Templates) -> None:
        money = {"amount": "19.90", "currency": "EUR"}
        order = {
            "number": "LM-1",
            "placed_at": "2026-11-01T10:00:00+01:00",
            "customer": {"name": "Jana Müller"},
            "lines": [
                {"name": "Tee", "name_en": "tea", "variant": "", "variant_en": None, "quantity": 2, "total": money}
            ],
            "shipping_cost": money,
            "discount": None,
            "total": money,
        }
        mail = templates.render("invoice", "de", {"invoice_number": "RE-7", "order": order})
        assert "Tee  2  19,90\xa0€" in mail.text
        assert "vom Sonntag, 1. November 2026" in mail.text

    def test_a_link_is_written_out_once(self, templates: Templates) -> None:
        mail = templates.render("newsletter_confirmation", "en", {"link": "https://service.example/newsletter/x_y"})
        assert mail.text.count("https://service.example/newsletter/x_y") == 1
        assert 'href="https://service.example/newsletter/x_y"' in mail.html
