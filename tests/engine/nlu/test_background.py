"""The background of a small classifier: which examples are taken, and what a wrong folder does."""

from pathlib import Path

import pytest

from engine.nlu.background import SHIPPED, background_for

PROJECT = Path(__file__).resolve().parents[3]


def write(folder: Path, **languages: "list[str]") -> Path:
    for language, texts in languages.items():
        lines = "".join(f"    - {text}\n" for text in texts)
        name = "shop.yml" if language == "none" else f"shop.{language}.yml"
        (folder / name).write_text(f'version: "3.1"\nnlu:\n- intent: some\n  examples: |\n{lines}', encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, de=["wo bleibt das Paket", "Preis ok"], en=["where is it", "price ok"], none=["emoji"])


class TestLanguages:
    def test_only_the_language_of_the_examples_is_taken(self, folder: Path) -> None:
        taken = {text for text, _ in background_for(["where is my thing", "ok"], [folder])}
        assert taken == {"where is it", "price ok", "emoji"}

    def test_a_shop_in_both_languages_gets_both(self, folder: Path) -> None:
        assert len(background_for(["where is it", "wo bleibt es"], [folder])) == 5

    def test_a_borrowed_word_brings_no_second_language(self, folder: Path) -> None:
        texts = ["wo bleibt das", "das Paket", "wo das Paket bleibt", "wo bleibt es", "is"]
        assert "where is it" not in {text for text, _ in background_for(texts, [folder])}

    def test_words_of_no_language_take_everything(self, folder: Path) -> None:
        assert len(background_for(["ok", "zzz"], [folder])) == 5

    @pytest.mark.parametrize(
        ("text", "there", "not_there"), [("how much is it", "en", "de"), ("was kostet das", "de", "en")]
    )
    def test_the_shipped_examples_are_told_apart(self, text: str, there: str, not_there: str) -> None:
        words = {"de": "wie viel kostet", "en": "how much"}
        taken = " | ".join(text for text, _ in background_for([text], [PROJECT / folder for folder in SHIPPED])).lower()
        assert words[there] in taken
        assert words[not_there] not in taken


def test_a_folder_without_examples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no training files"):
        background_for(["refund"], [tmp_path])


def test_no_folder_is_no_background() -> None:
    assert background_for(["refund"], []) == []
