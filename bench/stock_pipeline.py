"""Rasa's stock pipeline (``rasa init``: DIET, with TensorFlow) on our training data and our test files.

Needs an environment of its own with Rasa as it comes, about 3 GB:
    uv venv --python 3.10 /tmp/stock && uv pip install --python /tmp/stock/bin/python rasa==3.6.21 "setuptools<81"
    .venv/bin/python -m bench.stock_pipeline /tmp/stock/bin/python [--per-intent 30] [--epochs 100]

Prints accuracy, out-of-scope recall, seconds to train, milliseconds to answer and memory. Training on all examples
takes hours on two cores; `--per-intent` takes a stated sample of each intent and language.
"""

import argparse
import csv
import json
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIPELINE = """recipe: default.v1
assistant_id: stock
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- {{name: CountVectorsFeaturizer, analyzer: char_wb, min_ngram: 1, max_ngram: 4}}
- {{name: DIETClassifier, epochs: {epochs}, constrain_similarities: true}}
- name: EntitySynonymMapper
- {{name: FallbackClassifier, threshold: 0.3, ambiguity_threshold: 0.1}}
policies: []
"""
ANSWER = """
import asyncio, json, resource, sys, time
from rasa.core.agent import Agent
agent = Agent.load(sys.argv[1])
texts = json.load(open(sys.argv[2]))
async def run():
    await agent.parse_message(texts[0])
    began, said = time.perf_counter(), []
    for text in texts:
        parsed = await agent.parse_message(text)
        ranked = [one["name"] for one in parsed["intent_ranking"] if one["name"] != "nlu_fallback"]
        said.append([parsed["intent"]["name"], ranked[0] if ranked else ""])
    ms = (time.perf_counter() - began) / len(texts) * 1000
    print(json.dumps({"said": said, "ms": ms, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
asyncio.run(run())
"""


def sample(folder: Path, per_intent: int | None) -> int:
    """Write the training files, or a sample of each intent in each, to a folder; return how many examples."""
    chance = random.Random(3)
    count = 0
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        blocks = re.split(r"(?m)^(?=- intent: )", path.read_text(encoding="utf-8"))
        written = [blocks[0]]
        for block in blocks[1:]:
            head, _, body = block.partition("  examples: |\n")
            lines = [line for line in body.splitlines() if line.strip()]
            if per_intent:
                # What is out of scope has more examples, in the sample too.
                wanted = per_intent * (2 if "out_of_scope" in head else 1)
                lines = chance.sample(lines, min(wanted, len(lines)))
            count += len(lines)
            written.append(head + "  examples: |\n" + "\n".join(lines) + "\n")
        (folder / path.name).write_text("".join(written), encoding="utf-8")
    return count


def main() -> None:
    """Train, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", type=Path, help="interpreter of the environment with the stock Rasa")
    parser.add_argument("--per-intent", type=int, help="examples of each intent and language; all without")
    parser.add_argument("--epochs", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        count = sample(folder / "data", arguments.per_intent)
        (folder / "config.yml").write_text(PIPELINE.format(epochs=arguments.epochs))
        (folder / "domain.yml").write_text('version: "3.1"\n')
        began = time.perf_counter()
        rasa = [str(arguments.python), "-m", "rasa", "train", "nlu", "--config", "config.yml", "--nlu", "data"]
        subprocess.run([*rasa, "--domain", "domain.yml", "--out", "models"], cwd=folder, check=True)
        print(f"trained on {count} examples, {arguments.epochs} epochs, in {time.perf_counter() - began:.0f} s")
        model = next((folder / "models").glob("*.tar.gz"))
        for language in ("de", "en"):
            with (ROOT / "tests" / "nlu" / f"fresh.{language}.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            (folder / "texts.json").write_text(json.dumps([row["text"] for row in rows]))
            asked = subprocess.run(
                [str(arguments.python), "-c", ANSWER, str(model), "texts.json"],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            answer = json.loads(asked.stdout.strip().splitlines()[-1])
            pairs = [(row["intent"], *said) for row, said in zip(rows, answer["said"], strict=True)]
            inside = [(meant, decided, first) for meant, decided, first in pairs if meant != "out_of_scope"]
            outside = [decided for meant, decided, _ in pairs if meant == "out_of_scope"]
            rejected = ("out_of_scope", "nlu_fallback")
            print(
                f"{language}: in scope {sum(m == f for m, _, f in inside) / len(inside):.3f}, "
                f"out-of-scope recall {sum(d in rejected for d in outside) / len(outside):.3f}, "
                f"false rejections {sum(d in rejected for _, d, _ in inside) / len(inside):.3f}, "
                f"{answer['ms']:.1f} ms a message, {answer['mb']:.0f} MB"
            )


if __name__ == "__main__":
    main()
