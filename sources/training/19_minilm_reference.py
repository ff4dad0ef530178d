"""Some hidden states of all-MiniLM-L6-v2 as the library `transformers` computes them, for lesson 19.

Run from the course's folder, with `transformers` installed and the weights in the cache:

    python sources/training/19_minilm_reference.py course_lib/data/files
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

from course_lib.data.archives import MINILM, checked_path
from course_lib.text.word_piece import WordPieceTokenizer

SENTENCES = [
    "The cat slept because it was tired.",
    "A man is playing the guitar in an old house near the river.",
]
FEATURES = 4  # of the 384 features of each token: the file stays small
COMMAND = "python sources/training/19_minilm_reference.py course_lib/data/files"


def published_model() -> BertModel:
    """The model of the library `transformers` with the published weights."""
    config = BertConfig(**json.loads(checked_path(MINILM, "config.json").read_text(encoding="utf-8")))
    model = BertModel(config).float().eval()
    weights = load_file(checked_path(MINILM, "model.safetensors"))
    weights.pop("embeddings.position_ids")  # the whole numbers 0 to 511, no weight
    model.load_state_dict(weights)
    return model


@torch.no_grad()
def main(folder: str | Path) -> dict:
    """Write 19_minilm_reference.json into `folder`; returns what it holds."""
    tokenizer = WordPieceTokenizer.from_file(checked_path(MINILM, "vocab.txt"))
    batch = tokenizer.encode_batch(SENTENCES)
    keep = torch.from_numpy(batch.keep)
    hidden = published_model()(torch.from_numpy(batch.ids), attention_mask=keep.long()).last_hidden_state
    said = {
        "what": "last hidden states of all-MiniLM-L6-v2, the first features of each token",
        "command": COMMAND,
        "source": "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
        "sha256_of_the_weights": dict(MINILM.files)["model.safetensors"],
        "made_with": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]},
        "sentences": SENTENCES,
        "ids": batch.ids.tolist(),
        "keep": batch.keep.tolist(),
        "hidden": [
            [[round(x, 6) for x in row[:FEATURES]] for row in rows[kept].tolist()]
            for rows, kept in zip(hidden, keep, strict=True)
        ],
    }
    text = json.dumps(said, indent=1)
    (Path(folder) / "19_minilm_reference.json").write_text(text + "\n", encoding="utf-8")
    return said


if __name__ == "__main__":
    main(sys.argv[1])
