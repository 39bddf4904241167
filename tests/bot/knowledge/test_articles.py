"""Reading articles: what a file must look like, what is said of one that does not, and how it falls into passages."""

import pytest

from bot.knowledge.articles import LONGEST_PASSAGE, Article, read_folder
from tests.bot.knowledge.conftest import ROOT, article, write


def an_article(body: str) -> Article:
    return Article(key="a", language="de", title="Titel", keywords=(), intents=(), url=None, body=body)


class TestPassages:
    def test_one_per_section_with_its_heading(self) -> None:
        passages = an_article("Zuerst dies.\n\n## Zweitens\nDann das.\n\n### Drittens\nUnd jenes.").passages()
        assert [(p.heading, p.text) for p in passages] == [
            (None, "Zuerst dies."),
            ("Zweitens", "Dann das."),
            ("Drittens", "Und jenes."),
        ]

    def test_lists_and_links_read_as_people_write_them_in_a_chat(self) -> None:
        (passage,) = an_article(
            "Es gibt:\n\n- **Standard**: 4,90 €\n- [Express](https://x.example)\n\n1. eins\n2. zwei"
        ).passages()
        assert passage.text == "Es gibt:\n\n• Standard: 4,90 €\n• Express\n\n1. eins\n2. zwei"

    def test_a_table_keeps_its_rows(self) -> None:
        (passage,) = an_article("| Land | Preis |\n|---|---|\n| Schweiz | 9 € |").passages()
        assert passage.text == "Land | Preis\n\nSchweiz | 9 €"

    def test_html_is_text_and_no_html(self) -> None:
        (passage,) = an_article("Vor <script>alert(1)</script> nach").passages()
        assert passage.text == "Vor <script>alert(1)</script> nach"

    def test_a_long_section_is_split_between_its_paragraphs(self) -> None:
        body = "\n\n".join(f"Absatz {n}. " + "Wort " * 60 for n in range(8))
        passages = an_article(body).passages()
        assert len(passages) > 1
        assert all(len(p.text) <= LONGEST_PASSAGE for p in passages)
        assert " ".join(p.text for p in passages).count("Absatz") == 8


class TestFolder:
    def test_head_and_body(self, tmp_path) -> None:
        write(
            tmp_path,
            "de/versand.md",
            article("Was kostet der Versand?", "4,90 €.", keywords="[Porto]", intents="[delivery_costs]"),
        )
        (found,), problems = read_folder(tmp_path)
        assert problems == []
        assert (found.key, found.language, found.title) == ("versand", "de", "Was kostet der Versand?")
        assert (found.keywords, found.intents, found.body) == (("Porto",), ("delivery_costs",), "4,90 €.")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("ohne Kopf", "begin with a head"),
            ("---\nkeywords: [a]\n---\nText", "title"),
            ("---\ntitle: A: b: c\n---\nText", "not YAML"),
            ("---\ntitle: Titel\n---\n", "nothing below"),
            ("---\ntitle: Titel\nauthor: x\n---\nText", "author"),
            ("---\ntitle: Titel\nurl: javascript:alert(1)\n---\nText", "url"),
        ],
    )
    def test_a_file_that_is_wrong_is_named_and_the_others_are_read(self, tmp_path, text: str, said: str) -> None:
        write(tmp_path, "de/falsch.md", text)
        write(tmp_path, "de/richtig.md", article("Richtig", "Text"))
        articles, (problem,) = read_folder(tmp_path)
        assert [a.key for a in articles] == ["richtig"]
        assert str(problem).startswith("de/falsch.md: ")
        assert said in str(problem)

    def test_what_is_no_utf8_is_said(self, tmp_path) -> None:
        (tmp_path / "en").mkdir()
        (tmp_path / "en" / "latin.md").write_bytes("---\ntitle: Größe\n---\nText".encode("latin-1"))
        _, (problem,) = read_folder(tmp_path)
        assert "not UTF-8" in str(problem)


class TestDemoArticles:
    def test_there_are_enough_and_all_can_be_read(self) -> None:
        articles, problems = read_folder(ROOT / "knowledge")
        assert problems == []
        german = {a.key for a in articles if a.language == "de"}
        assert german == {a.key for a in articles if a.language == "en"}
        assert len(german) >= 40

    def test_every_article_has_keywords_and_intents_of_the_catalogue(self) -> None:
        known = set()
        for path in (ROOT / "data" / "nlu").glob("*.yml"):
            known |= {
                line.split(":")[1].strip()
                for line in path.read_text(encoding="utf-8").splitlines()
                if line.startswith("- intent:")
            }
        articles, _ = read_folder(ROOT / "knowledge")
        for entry in articles:
            assert entry.keywords, entry.key
            assert set(entry.intents) <= known, entry.key

    def test_translations_are_about_the_same(self) -> None:
        articles, _ = read_folder(ROOT / "knowledge")
        german = {a.key: a for a in articles if a.language == "de"}
        for english in (a for a in articles if a.language == "en"):
            other = german[english.key]
            assert english.intents == other.intents, english.key
            assert len(english.passages()) == len(other.passages()), english.key
