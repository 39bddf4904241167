"""Pictures of a measurement: which intents are taken for which, and whether probabilities can be trusted."""

from pathlib import Path
from typing import List, Sequence

import numpy as np

from engine.evaluation import Prediction

_BINS = 10


def draw(predictions: Sequence[Prediction], folder: Path) -> List[Path]:
    """Write confusion.png and reliability.png; returns their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    labels = sorted({p.meant for p in predictions} | {p.decided for p in predictions})
    index = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for p in predictions:
        table[index[p.meant], index[p.decided]] += 1
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    size = max(5.0, 0.24 * len(labels) + 2)
    figure, axes = pyplot.subplots(figsize=(size, size))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(table), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, int(table[row, column]), ha="center", va="center", fontsize=6, color=colour)
    axes.set_xticks(range(len(labels)), labels=labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels=labels, fontsize=7)
    axes.set_xlabel("decided")
    axes.set_ylabel("meant")
    figure.tight_layout()
    confusion = folder / "confusion.png"
    figure.savefig(confusion, dpi=110)
    pyplot.close(figure)

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as it should be")
    confidences = np.array([p.confidence for p in predictions])
    right = np.array([p.likeliest == p.meant for p in predictions])
    bins = np.clip((confidences * _BINS).astype(int), 0, _BINS - 1)
    used = [one for one in range(_BINS) if (bins == one).any()]
    xs, ys = [confidences[bins == one].mean() for one in used], [right[bins == one].mean() for one in used]
    axes.plot(xs, ys, marker="o", label="measured")
    for x, y, one in zip(xs, ys, used, strict=True):
        axes.annotate(str(int((bins == one).sum())), (x, y), textcoords="offset points", xytext=(6, -10), fontsize=7)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend(loc="upper left")
    figure.tight_layout()
    reliability = folder / "reliability.png"
    figure.savefig(reliability, dpi=110)
    pyplot.close(figure)
    return [confusion, reliability]
