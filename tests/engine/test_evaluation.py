"""Measures of understanding, on cases small enough to work out by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.evaluation import Prediction, best_matthews, calibration_error, macro_f1, matthews, report, wilson
from engine.nlu_tools import UnusableFile, benchmark, evaluate, read_labelled


def prediction(meant: str, likeliest: str, confidence: float = 0.9, decided: str = "") -> Prediction:
    return Prediction(meant, likeliest, confidence, decided or likeliest, assurance=confidence)


def test_wilson_s_interval_of_a_known_case() -> None:
    low, high = wilson(8, 10)  # type: ignore[misc]
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) is None


def test_correlation_is_one_for_all_right_and_minus_one_for_all_wrong() -> None:
    assert matthews(["a", "b", "a"], ["a", "b", "a"]) == pytest.approx(1)
    assert matthews(["a", "b"], ["b", "a"]) == pytest.approx(-1)
    assert matthews(["a", "a"], ["a", "a"]) == 0
    # Two by two: 3 true positives, 1 false negative, 1 false positive, 3 true negatives.
    assert matthews(list("aaaabbbb"), list("aaabbbba")) == pytest.approx(0.5)


def test_macro_f1_weighs_rare_labels_like_common_ones() -> None:
    assert macro_f1(["a", "a", "a", "b"], ["a", "a", "a", "a"]) == pytest.approx((6 / 7 + 0) / 2)


def test_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    sure_and_half_right = [prediction("a", "a", 0.95), prediction("a", "b", 0.95)]
    assert calibration_error(sure_and_half_right) == pytest.approx(0.45)


def test_the_best_threshold_turns_down_what_is_out_of_scope() -> None:
    predictions = [
        prediction("a", "a", 0.9),
        prediction("b", "b", 0.8),
        prediction("out_of_scope", "a", 0.2),
        prediction("out_of_scope", "b", 0.3),
    ]
    assert best_matthews(predictions) == pytest.approx(1)


def test_a_report_counts_rejections_on_both_sides() -> None:
    figures = report(
        [
            prediction("a", "a"),
            prediction("a", "a", 0.3, "out_of_scope"),
            prediction("b", "a"),
            prediction("out_of_scope", "a"),
            prediction("out_of_scope", "out_of_scope"),
        ]
    )
    assert figures["n"] == 5
    assert figures["in_scope_accuracy"] == pytest.approx(2 / 3)
    assert figures["false_rejection_rate"] == pytest.approx(1 / 3)
    assert figures["oos_recall"] == pytest.approx(1 / 2)
    assert figures["oos_precision"] == pytest.approx(1 / 2)
    assert {"meant": "b", "decided": "a", "count": 1} in figures["confusions"]


class TestFiles:
    @pytest.mark.parametrize("header", ["text,intent", "sentence,label"])
    def test_both_ways_to_name_the_columns_are_read(self, tmp_path: Path, header: str) -> None:
        path = tmp_path / "set.csv"
        path.write_text(f'{header}\n"wo, bitte",greet\n', encoding="utf-8")
        assert read_labelled(path) == [{"text": "wo, bitte", "intent": "greet", "emotion": ""}]

    @pytest.mark.parametrize("content", ["", "a,b\n1,2\n"])
    def test_a_file_without_them_is_refused(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "set.csv"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UnusableFile, match=r"set\.csv"):
            read_labelled(path)

    def test_a_missing_file_is_a_clear_error_on_the_command_line(self, tmp_path: Path) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "engine.nlu_tools", "evaluate", str(tmp_path / "none.csv")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "none.csv" in done.stderr
        assert "Traceback" not in done.stderr


def test_benchmark_trains_on_one_file_and_measures_on_another(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    lines = [f"{text},{label}" for text in ("wo ist mein paket", "paket finden", "paket da") for label in ("track",)]
    lines += [f"{text},pay" for text in ("kann ich mit karte zahlen", "zahlen per paypal", "womit zahlen")]
    train.write_text("sentence,label\n" + "\n".join(lines), encoding="utf-8")
    test.write_text("text,intent\nmein paket,track\nzahlen mit karte,pay\nzzz,NONE\n", encoding="utf-8")
    figures = benchmark(train, test, "NONE", alone=True)
    assert figures["in_scope_accuracy"] == 1
    assert figures["n"] == 3
    keys = "in_scope_accuracy macro_f1 oos_recall oos_precision false_rejection_rate mcc mcc_best_threshold ece"
    assert set(keys.split()) <= set(figures)
    json.dumps(figures)


def test_evaluate_measures_the_trained_assistant(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text(
        "text,intent,emotion\nwo ist mein paket,track_order,neutral\nare you a bot,bot_challenge,\n", encoding="utf-8"
    )
    figures = evaluate(path, model)
    assert figures["in_scope_accuracy"] == 1
    assert figures["emotion_macro_f1"] is not None
