"""Web pages become articles: the text without what surrounds it, repeatable, and nothing overwritten."""

import pytest

from bot.knowledge.articles import read_folder
from bot.knowledge.web_pages import import_pages, read_page

PAGE = """<!doctype html><html lang="de"><head><title>Versand | Shop</title>
<link rel="canonical" href="https://shop.example/versand"></head>
<body><nav><a href="/">Start</a> Menü</nav><div class="cookie" role="dialog">Cookies!</div>
<main><h1>Versand &amp; Kosten</h1><p>Der Versand kostet <b>4,90 €</b>, siehe <a href="/agb">AGB</a>.</p>
<h3>Ausland</h3><ul><li>Österreich: 8,90 €</li><li>Schweiz: 13,90 €</li></ul>
<table><tr><th>Art</th><th>Preis</th></tr><tr><td>Express</td><td>9,90 €</td></tr></table>
<script>track()</script><form><button>Newsletter</button></form></main><footer>Impressum</footer></body></html>"""


class TestReading:
    def test_the_text_without_what_surrounds_it(self) -> None:
        page = read_page(PAGE)
        assert (page.title, page.url, page.language) == ("Versand & Kosten", "https://shop.example/versand", "de")
        assert "Der Versand kostet 4,90 €, siehe AGB." in page.body
        assert "## Ausland\n\n- Österreich: 8,90 €" in page.body
        assert "| Express | 9,90 € |" in page.body
        for gone in ("Menü", "Cookies!", "track()", "Newsletter", "Impressum", "Versand & Kosten"):
            assert gone not in page.body

    def test_a_page_that_a_script_fills_is_refused(self) -> None:
        with pytest.raises(ValueError, match="made by a script"):
            read_page("<html><title>App</title><body><div id=root></div><script src=app.js></script></body></html>")

    def test_a_page_without_a_title_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no title"):
            read_page("<p>" + "Text " * 30 + "</p>")


class TestPagesOfQuestions:
    """Shop systems mark questions in many ways; each must become the heading of its answer."""

    @pytest.mark.parametrize(
        "marked",
        [
            "<p><strong>Wie viel trägt er?</strong></p><p>{}</p>",
            "<p> <b>Wie viel trägt er?</b> </p><p>{}</p>",
            "<details><summary>Wie viel trägt er?</summary><p>{}</p></details>",
            "<details><summary><h3>Wie viel trägt er?</h3></summary><p>{}</p></details>",
            "<dl><dt>Wie viel trägt er?</dt><dd>{}</dd></dl>",
            "<h3><button>Wie viel trägt er?</button></h3><div><p>{}</p></div>",
            '<button aria-expanded="false" aria-controls="a1">Wie viel trägt er?</button><div id="a1"><p>{}</p></div>',
        ],
    )
    def test_each_answer_has_its_question_as_heading(self, marked: str, tmp_path) -> None:
        answer = "Bis zu 40 Kilogramm, gleichmäßig auf der Ladefläche verteilt."
        page = read_page(f'<html lang="de"><main><h1>Fragen</h1>{marked.format(answer)}</main></html>')
        folder = tmp_path / "de"
        folder.mkdir()
        (folder / "fragen.md").write_text(page.as_article(), encoding="utf-8")
        (article,) = read_folder(tmp_path)[0]
        assert [(passage.heading, passage.text) for passage in article.passages()] == [("Wie viel trägt er?", answer)]

    def test_a_warning_in_bold_stays_a_paragraph(self) -> None:
        page = read_page(f"<main><h1>Akku</h1><p><b>{'Nicht ins Feuer werfen. ' * 10}</b></p></main>")
        assert "##" not in page.body


class TestImporting:
    def test_a_folder_of_pages(self, tmp_path) -> None:
        pages, folder = tmp_path / "export", tmp_path / "knowledge"
        (pages / "sub").mkdir(parents=True)
        (pages / "versand.html").write_text(PAGE, encoding="utf-8")
        (pages / "sub" / "leer.htm").write_text("<html lang=de><title>Leer</title></html>", encoding="utf-8")
        results = list(import_pages(pages, folder, None))
        assert [(path.name, problem is None) for path, _, problem in results] == [
            ("leer.htm", False),
            ("versand.html", True),
        ]
        (article,), problems = read_folder(folder)
        assert problems == []
        assert (article.key, article.url) == ("versand-kosten", "https://shop.example/versand")

    def test_a_page_imported_again_keeps_what_somebody_added(self, tmp_path) -> None:
        page = tmp_path / "versand.html"
        page.write_text(PAGE, encoding="utf-8")
        folder = tmp_path / "knowledge"
        list(import_pages(page, folder, None))
        written = folder / "de" / "versand-kosten.md"
        written.write_text(
            written.read_text(encoding="utf-8").replace("keywords: []", "keywords: [Porto]"), encoding="utf-8"
        )
        page.write_text(PAGE.replace("4,90 €", "5,90 €"), encoding="utf-8")
        list(import_pages(page, folder, None))
        (article,), _ = read_folder(folder)
        assert article.keywords == ("Porto",)
        assert "5,90 €" in article.body

    def test_another_page_of_the_same_title_overwrites_nothing(self, tmp_path) -> None:
        folder = tmp_path / "knowledge"
        for number, address in enumerate(("https://a.example/", "https://b.example/")):
            page = tmp_path / f"{number}.html"
            page.write_text(PAGE.replace("https://shop.example/versand", address), encoding="utf-8")
            list(import_pages(page, folder, None))
        assert {a.url for a in read_folder(folder)[0]} == {"https://a.example/", "https://b.example/"}

    def test_the_language_must_be_known(self, tmp_path) -> None:
        page = tmp_path / "x.html"
        page.write_text(PAGE.replace(' lang="de"', ""), encoding="utf-8")
        ((_, article, problem),) = import_pages(page, tmp_path / "knowledge", None)
        assert article is None
        assert "--language" in str(problem)
        ((_, article, problem),) = import_pages(page, tmp_path / "knowledge", "de")
        assert problem is None
