"""Sentence embeddings from a sentence-transformers model, computed with NumPy alone.

Reads the folder that sentence-transformers writes: BERT-like encoders (`bert`, `roberta`, `xlm-roberta`) in
safetensors, a fast tokenizer, mean or first-token pooling. No PyTorch: the forward pass of such a model is
a few matrix products (Devlin et al. 2019), and 0.8 GB of libraries would do them hardly faster on two cores.
Nothing is downloaded: a model is a folder, an installed package that carries one, or a name in Hugging
Face's local cache.
"""

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np
from rasa.shared.exceptions import RasaException

_ROBERTA = ("roberta", "xlm-roberta")
_TYPES = ("bert", *_ROBERTA)
_BATCH_TOKENS = 2048


class EmbeddingsUnusable(RasaException):
    """The model of sentence embeddings cannot be found or read; the message says what to do."""


def locate(model: str) -> Path:
    """The folder of a model given by path, by the name of an installed package, or by its name in the local cache.

    Raises:
        EmbeddingsUnusable: It is nowhere.
    """
    folder = Path(model).expanduser()
    if (folder / "config.json").is_file():
        return folder
    package = model.replace("-", "_")
    if package.isidentifier():
        found = importlib.util.find_spec(package)
        for place in (found.submodule_search_locations or []) if found else []:
            for folder in (Path(place), Path(place) / "model"):
                if (folder / "config.json").is_file():
                    return folder
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(model, local_files_only=True))
    except Exception as error:
        raise EmbeddingsUnusable(
            f"There is no sentence-transformers model {model!r}: neither a folder with config.json, nor an installed "
            f"package, nor in Hugging Face's local cache. Nothing is downloaded here; put the model's folder in place."
        ) from error


class SentenceEncoder:
    """One embedding of length 1 for each text.

    Args:
        folder: A model as sentence-transformers saves it.

    Raises:
        EmbeddingsUnusable: A file is missing, or the model is of a kind that is not supported.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from safetensors.numpy import load_file
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EmbeddingsUnusable(
                "Sentence embeddings need the package 'tokenizers': install engine/embeddings.txt as well."
            ) from error
        try:
            config: Dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            weights = load_file(str(folder / "model.safetensors"))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise EmbeddingsUnusable(f"{folder} cannot be read: {error}") from error
        kind = config.get("model_type")
        if kind not in _TYPES or config.get("hidden_act") != "gelu":
            raise EmbeddingsUnusable(f"{folder} is a {kind!r} model with {config.get('hidden_act')!r}; can do {_TYPES}")
        prefix = next((name[: -len("embeddings.word_embeddings.weight")] for name in weights if "word_emb" in name), "")
        self._weights = {name[len(prefix) :]: array.astype(np.float32) for name, array in weights.items()}
        self._layers, self._heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        # RoBERTa's positions begin after its padding token's.
        self._first_position = int(config["pad_token_id"]) + 1 if kind in _ROBERTA else 0
        pooling = _read(folder / "1_Pooling" / "config.json")
        self._first_token = bool(pooling.get("pooling_mode_cls_token"))
        longest = int(_read(folder / "sentence_bert_config.json").get("max_seq_length") or 128)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)
        self.dimensions = int(config["hidden_size"])
        self.digest = hashlib.sha256(self._weights["embeddings.LayerNorm.weight"].tobytes()).hexdigest()[:16]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings, one row of `dimensions` for each text."""
        encoded = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        result = np.zeros((len(encoded), self.dimensions), dtype=np.float32)
        # Texts of like length go together, so that little is computed for padding.
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
        while order:
            size = max(1, _BATCH_TOKENS // len(encoded[order[-1]]))
            batch, order = order[-size:], order[:-size]
            result[batch] = self._forward([encoded[i] for i in batch])
        return result

    def _forward(self, batch: List[List[int]]) -> np.ndarray:
        longest = max(map(len, batch))
        ids = np.zeros((len(batch), longest), dtype=np.int64)
        mask = np.zeros((len(batch), longest), dtype=np.float32)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        w = self._weights
        positions = np.arange(longest) + self._first_position
        state = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][positions]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        state = self._normed(state, "embeddings.LayerNorm")
        hidden = (1 - mask)[:, None, None, :] * -1e9
        for layer in range(self._layers):
            state = self._layer(state, hidden, f"encoder.layer.{layer}.")
        pooled = state[:, 0] if self._first_token else (state * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        lengths: np.ndarray = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.maximum(lengths, 1e-12))

    def _layer(self, state: np.ndarray, hidden: np.ndarray, name: str) -> np.ndarray:
        count, length, width = state.shape

        def heads(part: str) -> np.ndarray:
            rows = self._dense(state, f"{name}attention.self.{part}")
            return rows.reshape(count, length, self._heads, width // self._heads).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(np.float32(width // self._heads))
        scores = scores + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        seen = (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(count, length, width)
        state = self._normed(
            state + self._dense(seen, f"{name}attention.output.dense"), f"{name}attention.output.LayerNorm"
        )
        inner = _gelu(self._dense(state, f"{name}intermediate.dense"))
        return self._normed(state + self._dense(inner, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _dense(self, state: np.ndarray, name: str) -> np.ndarray:
        return np.asarray(state @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"])

    def _normed(self, state: np.ndarray, name: str) -> np.ndarray:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + self._epsilon)
        return np.asarray(centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"])


def _gelu(state: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return np.asarray(state * 0.5 * (1 + erf(state * np.float32(1 / np.sqrt(2)))))


def _read(path: Path) -> Dict[str, Any]:
    if not path.is_file():
        return {}
    content: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
