"""Measures of understanding: what was predicted against what was meant."""

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

REJECTED = "out_of_scope"
"""The label that all ways of not understanding share in a report: out of scope, and asked back."""

_BINS = 10
_SHOWN_CONFUSIONS = 15


@dataclass(frozen=True)
class Prediction:
    """One message.

    Attributes:
        meant: The right label, `REJECTED` for a message out of scope.
        likeliest: The label ranked first, whether or not it was acted on.
        confidence: Its probability, 0..1.
        decided: The label acted on; `REJECTED` where the message was turned down or asked back.
        assurance: Probability that the message is in scope at all, 0..1.
    """

    meant: str
    likeliest: str
    confidence: float
    decided: str
    assurance: float


def wilson(successes: int, count: int) -> Optional[Tuple[float, float]]:
    """95 % interval of a share (Wilson 1927); None for nothing counted."""
    if not count:
        return None
    z, share = 1.959964, successes / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def matthews(meant: Sequence[str], decided: Sequence[str]) -> float:
    """Matthews' correlation over all labels (Gorodkin 2004), -1..1; 0 where one side never varies."""
    labels = sorted({*meant, *decided})
    index = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for right, said in zip(meant, decided, strict=True):
        table[index[right], index[said]] += 1
    rights, saids, count = table.sum(axis=1), table.sum(axis=0), table.sum()
    below = math.sqrt(float((count**2 - (saids**2).sum()) * (count**2 - (rights**2).sum())))
    return float((np.trace(table) * count - (rights * saids).sum()) / below) if below else 0.0


def macro_f1(meant: Sequence[str], decided: Sequence[str]) -> float:
    """Mean of the F1 of every label that was meant."""
    scores = [row["f1"] for row in per_label(meant, decided).values()]
    return float(np.mean(scores)) if scores else 0.0


def per_label(meant: Sequence[str], decided: Sequence[str]) -> Dict[str, Dict[str, float]]:
    """Precision, recall, F1 (0..1) and count of every label that was meant."""
    table = {}
    for label in sorted(set(meant)):
        hits = sum(right == said == label for right, said in zip(meant, decided, strict=True))
        said_count, right_count = sum(said == label for said in decided), sum(right == label for right in meant)
        precision = hits / said_count if said_count else 0.0
        recall = hits / right_count
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        table[label] = {"precision": precision, "recall": recall, "f1": f1, "count": right_count}
    return table


def calibration_error(predictions: Sequence[Prediction]) -> float:
    """Expected calibration error of the likeliest label: ten bins of equal width (Naeini et al. 2015)."""
    error = 0.0
    for low in np.arange(_BINS) / _BINS:
        inside = [p for p in predictions if low < p.confidence <= low + 1 / _BINS]
        if inside:
            right = np.mean([p.likeliest == p.meant for p in inside])
            error += len(inside) / len(predictions) * abs(right - np.mean([p.confidence for p in inside]))
    return float(error)


def best_matthews(predictions: Sequence[Prediction]) -> float:
    """The correlation at the threshold on the assurance that serves it best."""
    meant = [p.meant for p in predictions]
    thresholds = sorted({0.0, *(p.assurance for p in predictions)})
    if len(thresholds) > 200:
        thresholds = [float(q) for q in np.quantile(thresholds, np.linspace(0, 1, 200))]
    return max(
        matthews(meant, [p.likeliest if p.assurance >= threshold else REJECTED for p in predictions])
        for threshold in thresholds
    )


def report(predictions: Sequence[Prediction]) -> Dict[str, Any]:
    """All figures of a labelled set; shares 0..1, None where there is nothing to count.

    `in_scope_accuracy` looks at the label ranked first, as published figures do; what was turned down
    although it was in scope is `false_rejection_rate`. `mcc` is at the classifier's own decision.
    """
    inside = [p for p in predictions if p.meant != REJECTED]
    outside = [p for p in predictions if p.meant == REJECTED]
    rejected = [p for p in predictions if p.decided == REJECTED]
    right = sum(p.likeliest == p.meant for p in inside)
    caught = sum(p.decided == REJECTED for p in outside)
    lost = sum(p.decided == REJECTED for p in inside)
    meant, decided = [p.meant for p in predictions], [p.decided for p in predictions]
    confused: Dict[Tuple[str, str], int] = {}
    for p in predictions:
        if p.decided != p.meant:
            confused[p.meant, p.decided] = confused.get((p.meant, p.decided), 0) + 1
    worst = sorted(confused.items(), key=lambda entry: -entry[1])[:_SHOWN_CONFUSIONS]
    return {
        "n": len(predictions),
        "in_scope_accuracy": right / len(inside) if inside else None,
        "in_scope_accuracy_interval": wilson(right, len(inside)),
        "macro_f1": macro_f1(meant, decided),
        "oos_recall": caught / len(outside) if outside else None,
        "oos_recall_interval": wilson(caught, len(outside)),
        "oos_precision": caught / len(rejected) if rejected else None,
        "false_rejection_rate": lost / len(inside) if inside else None,
        "false_rejection_rate_interval": wilson(lost, len(inside)),
        "mcc": matthews(meant, decided),
        "mcc_best_threshold": best_matthews(predictions),
        "ece": calibration_error(predictions),
        "intents": per_label(meant, decided),
        "confusions": [{"meant": a, "decided": b, "count": n} for (a, b), n in worst],
    }


def table(figures: Dict[str, Any]) -> List[str]:
    """The report as lines for people."""
    lines = []
    for key, value in figures.items():
        if isinstance(value, (int, float)) or value is None:
            interval = figures.get(f"{key}_interval")
            shown = "-" if value is None else f"{value:d}" if isinstance(value, int) else f"{value:.3f}"
            lines.append(f"{key:24} {shown:>7}" + (f"  ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""))
    lines += ["", f"{'intent':30} {'precision':>9} {'recall':>7} {'F1':>6} {'n':>5}"]
    for label, row in sorted(figures["intents"].items(), key=lambda entry: entry[1]["f1"]):
        lines.append(f"{label:30} {row['precision']:9.2f} {row['recall']:7.2f} {row['f1']:6.2f} {int(row['count']):5d}")
    lines += ["", "meant -> decided"]
    lines += [f"{c['count']:4d}  {c['meant']} -> {c['decided']}" for c in figures["confusions"]]
    return lines
