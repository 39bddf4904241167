"""What was not understood: read from conversations, clustered, masked, labelled into the training files."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import review_cli
from bot.cli import app
from bot.unanswered import TrainingFiles, Unanswered, clusters, without_personal_data


def unclear(text: str, language: str = "en", *likely: str) -> Unanswered:
    return Unanswered(text, language, "nlu_fallback", 0.2, likely)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    (tmp_path / "orders.en.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: track_order\n  examples: |\n    - where is it\n'
        "- intent: get_invoice\n  examples: |\n    - invoice please\n"
        "- intent: out_of_scope\n  examples: |\n    - a joke\n",
        encoding="utf-8",
    )
    return tmp_path


class TestMasking:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("LM-105804 ist weg", "<number> ist weg"),
            ("schreibt an jo.doe@example.org", "schreibt an <mail>"),
            ("Mein Name ist Erika Muster, wo ist es", "Mein Name ist <name>, wo ist es"),
            ("bitte an Lindenstraße 12a\nliefern", "bitte an <address> liefern"),
            ("call +49 170 1234567 now", "call <number> now"),
            ("20257 Hamburg", "<number> Hamburg"),
        ],
    )
    def test_personal_data_do_not_get_into_training_files(self, text: str, expected: str) -> None:
        assert without_personal_data(text) == expected


class TestClusters:
    def test_like_messages_come_together_and_languages_stay_apart(self) -> None:
        found = clusters(
            [
                unclear("do you have gift wrapping"),
                unclear("can you do gift wrapping?"),
                unclear("gift wrapping available?"),
                unclear("is there parking at the shop"),
                unclear("haben sie geschenkverpackung", "de"),
            ]
        )
        assert [(cluster.language, len(cluster.messages)) for cluster in found] == [("en", 3), ("de", 1), ("en", 1)]

    def test_the_same_text_counts_once(self) -> None:
        assert [len(one.messages) for one in clusters([unclear("gift wrapping"), unclear("Gift  wrapping")])] == [1]

    def test_nothing_is_no_cluster(self) -> None:
        assert clusters([]) == []


class TestTrainingFiles:
    def test_examples_go_to_their_intent(self, training: Path) -> None:
        files = TrainingFiles(training)
        assert files.add("get_invoice", "en", ["bill for <number>", "Invoice please"]) == 1
        again = TrainingFiles(training)
        assert again.intent_of("bill for <number>") == "get_invoice"
        assert again.intent_of("where is it") == "track_order"

    def test_an_example_of_another_intent_is_refused(self, training: Path) -> None:
        with pytest.raises(ValueError, match="track_order already"):
            TrainingFiles(training).add("get_invoice", "en", ["Where is it"])

    def test_an_intent_without_a_file_is_refused(self, training: Path) -> None:
        with pytest.raises(ValueError, match="no intent 'get_invoice' in language 'de'"):
            TrainingFiles(training).add("get_invoice", "de", ["Rechnung"])


class TestReview:
    def test_one_key_labels_a_cluster(self, training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async def read(days: int, below: float) -> list[Unanswered]:
            return [
                unclear("the bill for LM-105804 please", "en", "get_invoice", "track_order"),
                unclear("bill for LM-105801 please", "en", "get_invoice"),
                unclear("sing me a song", "en", "get_invoice"),
            ]

        monkeypatch.setattr(review_cli, "_read", read)
        result = CliRunner().invoke(app, ["nlu", "review", "--data", str(training)], input="1o")
        assert result.exit_code == 0, result.output
        assert "105804" not in result.output
        files = TrainingFiles(training)
        assert files.intent_of("bill for <number> please") == "get_invoice"
        assert files.intent_of("the bill for <number> please") == "get_invoice"
        assert files.intent_of("sing me a song") == "out_of_scope"

    def test_listing_asks_and_changes_nothing(self, training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async def read(days: int, below: float) -> list[Unanswered]:
            return [unclear("sing me a song")]

        monkeypatch.setattr(review_cli, "_read", read)
        before = (training / "orders.en.yml").read_text(encoding="utf-8")
        result = CliRunner().invoke(app, ["nlu", "review", "--list", "--data", str(training)])
        assert "sing me a song" in result.output
        assert (training / "orders.en.yml").read_text(encoding="utf-8") == before
