"""Searching: finds what is meant, says when it does not know, the same on both databases."""

from datetime import timedelta

import pytest

from bench import knowledge as bench
from bot.knowledge.loading import load
from bot.knowledge.search import KnowledgeSearch
from bot.knowledge.words import compound_parts, stem, stems
from bot.storage.knowledge import KnowledgeStore
from tests.bot.knowledge.conftest import NOW, article, write


class TestWords:
    @pytest.mark.parametrize(
        "forms",
        [
            "bestellen bestellt bestellung bestellungen",
            "stornieren stornierung storniert",
            "liefern lieferung geliefert liefert",
            "größe grösse groesse größen",
            "abholen abgeholt abholung",
            "zurückschicken zurückgeschickt",
            "waschen wäscht",
        ],
    )
    def test_german_forms_of_a_word_are_one(self, forms: str) -> None:
        assert len({stem(form, "de") for form in forms.split()}) == 1

    @pytest.mark.parametrize(
        "forms", ["return returned returns returning", "ship shipping shipped", "cancel cancellation cancelled"]
    )
    def test_english_forms_of_a_word_are_one(self, forms: str) -> None:
        assert len({stem(form, "en") for form in forms.split()}) == 1

    def test_filler_says_nothing(self) -> None:
        assert stems("Hallo, können Sie mir bitte mal erklären, wie das geht?", "de") == [stem("erklären", "de")]
        assert stems("could you please tell me how", "en") == []

    def test_numbers_stay_whole(self) -> None:
        assert "15.000" in stems("Was heißt 15.000 mm?", "de")

    def test_a_compound_comes_apart_into_known_words(self) -> None:
        known = {stem(word, "de") for word in ("versand", "kosten", "geburtstag", "geschenk")}
        assert compound_parts(stem("versandkosten", "de"), known) == (stem("versand", "de"), stem("kosten", "de"))
        assert compound_parts(stem("geburtstagsgeschenk", "de"), known) == (
            stem("geburtstag", "de"),
            stem("geschenk", "de"),
        )
        assert compound_parts(stem("gummistiefel", "de"), known) == ()


class TestSearch:
    @pytest.mark.parametrize(
        ("question", "language", "key"),
        [
            ("Was kostet der Versand?", "de", "delivery-costs"),
            ("wie wasche ich die Sylt Jacke", "de", "care-rain-jacket"),
            ("meine laterne rußt", "de", "storm-lantern"),
            ("Rücksendekosten", "de", "return-costs"),
            ("emailebecher mikrowele", "de", "enamel-mug"),  # two slips
            ("what does delivery cost?", "en", "delivery-costs"),
            ("white film on my rubber boots", "en", "care-rubber-boots"),
        ],
    )
    async def test_a_question_finds_its_article(
        self, searcher: KnowledgeSearch, question: str, language, key: str
    ) -> None:
        result = await searcher.search(question, language)
        assert result.good
        assert result.found[0].article.key == key

    async def test_the_passage_that_speaks_of_it_is_chosen(self, searcher: KnowledgeSearch) -> None:
        result = await searcher.search("die Sturmlaterne rußt", "de")
        assert result.found[0].passage.heading == "Sie rußt"

    @pytest.mark.parametrize(
        "question", ["Wie wird das Wetter morgen auf Amrum?", "Vermieten Sie Zelte?", "🙂", "???", "x" * 1000]
    )
    async def test_what_nothing_answers_gets_no_answer(self, searcher: KnowledgeSearch, question: str) -> None:
        assert not (await searcher.search(question, "de")).good

    async def test_the_intent_helps(self, searcher: KnowledgeSearch) -> None:
        question = "Ist das bei euch kostenlos?"
        without = await searcher.search(question, "de")
        known = await searcher.search(question, "de", intent="return_policy")
        assert not without.good or without.found[0].article.key != "return-costs"
        assert "return_policy" in known.found[0].article.intents

    async def test_each_article_is_found_once(self, searcher: KnowledgeSearch) -> None:
        keys = [
            found.article.key for found in (await searcher.search("Rücksendung Kosten Etikett", "de", limit=5)).found
        ]
        assert len(keys) == len(set(keys)) == 5

    @pytest.mark.parametrize(
        "question", ["'; DROP TABLE x; --", 'a" OR "b', "NEAR(a b)", "a & b | !c", "\\", "title:versand", "*"]
    )
    async def test_nothing_that_is_typed_is_read_as_a_search_language(
        self, searcher: KnowledgeSearch, question: str
    ) -> None:
        await searcher.search(question, "de")

    async def test_scores_are_probabilities_in_order(self, searcher: KnowledgeSearch) -> None:
        scores = [found.score for found in (await searcher.search("Versand in die Schweiz", "de")).found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


class TestLoading:
    async def test_the_same_articles_again_change_nothing(self, tmp_path, database) -> None:
        write(tmp_path, "de/a.md", article("Wo ist der Leuchtturm?", "Am Strand."))
        store = KnowledgeStore(database)
        assert (await load(tmp_path, store, NOW)).changed
        assert not (await load(tmp_path, store, NOW + timedelta(days=1))).changed

    async def test_what_changed_is_found_and_what_went_is_gone_without_a_restart(self, tmp_path, database) -> None:
        store = KnowledgeStore(database)
        searcher = KnowledgeSearch(store)
        write(tmp_path, "de/a.md", article("Wo ist der Leuchtturm?", "Am Strand.", keywords="[Leuchtturm]"))
        write(tmp_path, "de/b.md", article("Wann fährt die Fähre?", "Um acht.", keywords="[Fähre]"))
        await load(tmp_path, store, NOW)
        assert (await searcher.search("Leuchtturm", "de")).found
        (tmp_path / "de" / "a.md").unlink()
        write(tmp_path, "de/b.md", article("Wann fährt die Fähre?", "Um neun.", keywords="[Fähre]"))
        await load(tmp_path, store, NOW)
        assert not (await searcher.search("Leuchtturm", "de")).found
        assert (await searcher.search("Fähre", "de")).found[0].passage.text == "Um neun."

    async def test_an_empty_folder_takes_nothing_away(self, tmp_path, store: KnowledgeStore, searcher) -> None:
        loaded = await load(tmp_path, store, NOW)
        assert "ZUSAGE_KNOWLEDGE" in str(loaded.problems[0])
        assert (await searcher.search("Versandkosten", "de")).good

    async def test_a_question_before_anything_is_loaded_finds_nothing(self, database) -> None:
        from bot.storage import migrate  # the index is made by the first loading

        migrate.upgrade(str(database.url))
        assert (await KnowledgeSearch(KnowledgeStore(database)).search("Versand", "de")).found == ()


class TestQuality:
    """What docs/knowledge.md claims, with a margin: a change that makes answers worse must not pass unseen."""

    @pytest.mark.parametrize("language", ["de", "en"])
    async def test_questions_that_nothing_was_fitted_on(self, searcher: KnowledgeSearch, language) -> None:
        asked = bench.questions("held", language)
        assert len(asked) >= 60
        figures = bench.figures(asked, await bench.found(searcher, asked, with_intent=False))
        assert figures.hit_at_1 >= 0.75
        assert figures.hit_at_3 >= 0.88
        assert figures.wrong <= 0.06

    @pytest.mark.parametrize("language", ["de", "en"])
    async def test_questions_whose_intent_is_known(self, searcher: KnowledgeSearch, language) -> None:
        asked = [question for question in bench.questions("held", language) if question.intent]
        figures = bench.figures(asked, await bench.found(searcher, asked, with_intent=True))
        assert figures.hit_at_1 >= 0.94
        assert figures.answered >= 0.85
        assert figures.wrong <= 0.02

    @pytest.mark.parametrize("with_intent", [False, True])
    @pytest.mark.parametrize("language", ["de", "en"])
    async def test_a_common_word_is_no_answer(self, searcher: KnowledgeSearch, language, with_intent: bool) -> None:
        """Half of these are answered by an article; the others only share words with one."""
        asked = bench.questions("near", language)
        results = await bench.found(searcher, asked, with_intent=with_intent)
        pairs = list(zip(asked, results, strict=True))
        assert [question.text for question, result in pairs if result.good and not question.articles] == []
        right = [q for q, result in pairs if result.good and result.found[0].article.key in q.articles]
        answerable = [q for q in asked if q.articles]
        assert len(answerable) == len(asked) - len(answerable) == 15
        assert len(right) >= 14
