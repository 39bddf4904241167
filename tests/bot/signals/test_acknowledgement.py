"""Whether a person's words take up a feeling: checked on sentences that agents write."""

from pathlib import Path

import pytest

from bot.signals.acknowledgement import acknowledges

SENTENCES = [
    line.split("\t")
    for line in (Path(__file__).parent / "acknowledgement.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("expected", "sentence"), SENTENCES)
def test_sentences_of_agents(expected: str, sentence: str) -> None:
    assert acknowledges(sentence) == (expected == "yes")


def test_the_negation_of_the_words_does_not_count() -> None:
    assert not acknowledges("No need to apologise!")


def test_no_words_acknowledge_nothing() -> None:
    assert not acknowledges("")
