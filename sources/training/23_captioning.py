"""Train the captioner of lesson 23 on scenes of digits, with the eyes of the detector of lesson 22.

    python sources/training/23_captioning.py

Its image encoder starts as the detector's (course_lib/data/files/22_detection.safetensors) and goes on
learning. Writes course_lib/data/files/23_captioning.safetensors (float16) with a .json beside it: command,
seed, CPU seconds, hash, exact sentences on held-out scenes (all, and those whose relation nobody would
dispute), how much of each word's attention lies in its digit's box, the history with where the words of one
scene looked, and beside it the same training from three starts, with the detector's eyes, with eyes that do
not learn on, and with fresh eyes. Takes about twenty minutes.
"""

import copy
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_lib.data.scenes import (
    BOS,
    CAPTION_WORDS,
    DIGIT_WORDS,
    EOS,
    MAX_CAPTION,
    PAD,
    Captions,
    caption_text,
    captions,
)
from course_lib.decoding import translate
from course_lib.training import History, Recipe, smoothed_cross_entropy, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.captioning import CaptionTransformer
from course_lib.transformer.checkpoints import load_checkpoint, save_checkpoint
from course_lib.transformer.detection import DetectionTransformer
from course_lib.transformer.vision import ImageEncoder

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/23_captioning.py"
SEED, BATCH, N_TRAIN, LOOKS = 23, 32, 60_000, 25
CONFIG = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)
RECIPE = Recipe(steps=2600, lr=2e-3, muon_lr=0.015, warmup=30)
SHORT = replace(RECIPE, steps=1200)
LONG = replace(RECIPE, steps=2000 + RECIPE.steps)  # the detector's steps and the captioner's
COMPARED = ("the detector's eyes", "the detector's eyes, fixed", "fresh eyes")


def detectors_eyes() -> ImageEncoder:
    """The image encoder of the detector that lesson 22 ships."""
    detector = DetectionTransformer(10, CONFIG)
    load_checkpoint(FILES / "22_detection.safetensors", detector)
    return detector.image_encoder


def build(eyes: str, seed: int) -> CaptionTransformer:
    """A captioner that has not learnt to speak yet, with one of the three kinds of eyes."""
    torch.manual_seed(seed)
    fresh = DetectionTransformer(10, CONFIG)
    zero_outputs(fresh)
    image_encoder = fresh.image_encoder if eyes == "fresh eyes" else detectors_eyes()
    image_encoder.requires_grad_(eyes != "the detector's eyes, fixed")
    model = CaptionTransformer(image_encoder, len(CAPTION_WORDS), CONFIG, max_n=MAX_CAPTION + 1)
    zero_outputs(model.decoder)
    return model


def learn(model: CaptionTransformer, recipe: Recipe, seed: int, **looking) -> tuple[History, float]:
    """Train on clear scenes of training digits; the history, and the CPU seconds with the looking."""
    data = captions(N_TRAIN, seed).only_clear()
    images, tokens = torch.from_numpy(data.scenes.images), torch.from_numpy(data.tokens)
    draw = torch.Generator().manual_seed(seed)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(images), (BATCH,), generator=draw)
        return images[rows], tokens[rows]

    def loss(model: CaptionTransformer, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, tokens = batch
        return smoothed_cross_entropy(model(images, tokens[:, :-1]), tokens[:, 1:], pad=PAD)

    started = time.process_time()
    return train(model, batch, loss, recipe, quiet=True, **looking), time.process_time() - started


def exact_sentences(model: CaptionTransformer, data: Captions) -> np.ndarray:
    """Whether each scene is described word by word as in the data, (scenes,)."""
    said = translate(model, torch.from_numpy(data.scenes.images), None, BOS, EOS, MAX_CAPTION + 1)
    return np.array([caption_text(words) == text for words, text in zip(said, data.texts, strict=True)])


def scores(model: CaptionTransformer, data: Captions) -> dict[str, float]:
    """Share of exact sentences, of all scenes and of the clear ones."""
    exact = exact_sentences(model, data)
    return {"exact": exact.mean(), "exact_of_clear": exact[data.clear].mean()}


@torch.no_grad()
def looked(model: CaptionTransformer, data: Captions) -> np.ndarray:
    """Where the decoder looked before it said each token: (n_layers, scenes, n_heads, n_words, 64)."""
    images, tokens = torch.from_numpy(data.scenes.images), torch.from_numpy(data.tokens)
    _, seen = model.decode(tokens[:, :-1], model.encode(images), return_weights=True)
    return torch.stack(seen).numpy()


def in_the_box(weights: np.ndarray, data: Captions) -> np.ndarray:
    """Share of the weight in the box of the digit that is being named, mean by layer and head.

    weights (n_layers, scenes, n_heads, n_words, 64) -> (n_layers, n_heads). A patch counts as far as its
    4 x 4 pixels lie in the box.
    """
    inside = patch_shares(data.scenes.boxes)  # (scenes, 2, 64)
    first = CAPTION_WORDS.index(DIGIT_WORDS[0])
    is_digit = (data.tokens[:, 1:] >= first) & (data.tokens[:, 1:] < first + 10)  # (scenes, n_words)
    shares = []
    for scene, word in zip(*np.nonzero(is_digit), strict=True):
        slot = is_digit[scene, :word].sum()  # the digit that is named first has slot 0
        shares.append(weights[:, scene, :, word] @ inside[scene, slot])
    return np.mean(shares, axis=0)


def patch_shares(boxes: np.ndarray, n: int = 8) -> np.ndarray:
    """How much of each patch of an n x n grid lies in each box (..., 4) as cx, cy, w, h -> (..., n * n)."""
    edges = np.arange(n) / n

    def covered(centre: np.ndarray, size: np.ndarray) -> np.ndarray:
        low, high = (centre - size / 2)[..., None], (centre + size / 2)[..., None]
        return np.clip(np.minimum(high, edges + 1 / n) - np.maximum(low, edges), 0, None) * n

    across, down = covered(boxes[..., 0], boxes[..., 2]), covered(boxes[..., 1], boxes[..., 3])
    return (down[..., :, None] * across[..., None, :]).reshape(*boxes.shape[:-1], n * n)


def watched(data: Captions) -> Callable[[CaptionTransformer], dict[str, np.ndarray]]:
    """Where each word of the first scene looked in the last layer: (n_heads, n_words, 64)."""
    return lambda model: {data.texts[0]: looked(model, data)[-1][0]}


def compare(share: float, seeds: tuple[int, ...], test: Captions) -> dict[str, dict]:
    """Exact sentences over the training and CPU seconds of the three kinds of eyes, one entry per seed."""
    seen: dict[str, dict] = {}
    for eyes in COMPARED:
        recipe = SHORT.shortened(share)
        row = seen[eyes] = {"steps": recipe.steps, "exact": [], "exact_of_clear": [], "cpu_seconds": []}
        for seed in seeds:
            history, seconds = learn(
                build(eyes, seed), recipe, seed, every=max(1, recipe.steps // 6),
                evaluate=lambda model: scores(model, test),
            )  # fmt: skip
            row["looked_at"] = history.score_steps.tolist()
            for name, values in history.scores.items():
                row[name].append(values.round(4).tolist())
            row["cpu_seconds"].append(round(seconds, 1))
            print(eyes, seed, row["exact"][-1][-1], row["cpu_seconds"][-1], flush=True)
    return seen


def longer(share: float, test: Captions) -> dict[str, float]:
    """Fresh eyes, trained for as many steps as detector and captioner together: scores and CPU seconds."""
    model, recipe = build("fresh eyes", SEED), LONG.shortened(share)
    _, seconds = learn(model, recipe, SEED)
    found = {name: round(float(value), 4) for name, value in scores(model, test).items()}
    return {"steps": recipe.steps, "cpu_seconds": round(seconds), **found}


def main(
    folder: Path = FILES, share: float = 1.0, seeds: tuple[int, ...] = (1, 2, 3), n_test: int = 1000
) -> dict:
    """Train for a share of the steps, test on `n_test` scenes, write both files; what the .json says."""
    test, model, recipe = captions(n_test, SEED, "test"), build(COMPARED[0], SEED), RECIPE.shortened(share)
    few = captions(max(10, n_test // 5), SEED, "test")
    history, seconds = learn(
        model, recipe, SEED, every=max(1, recipe.steps // LOOKS),
        evaluate=lambda model: scores(model, few),
        record=watched(few),
    )  # fmt: skip
    path = folder / "23_captioning.safetensors"
    save_checkpoint(path, copy.deepcopy(model).half(), {"trained by": COMMAND, "seed": SEED})
    load_checkpoint(path, model)  # what is measured is what is shipped
    about = {
        "source": test.source,
        "command": COMMAND,
        "seed": SEED,
        "cpu_seconds": round(seconds),
        "recipe": asdict(recipe),
        "sha256_of_the_table": hashlib.sha256(path.read_bytes()).hexdigest(),
        "parameters": sum(p.numel() for p in model.parameters()),
        **{name: round(float(value), 4) for name, value in scores(model, test).items()},
        "in_the_box": in_the_box(looked(model, few), few).round(3).tolist(),
        "box_covers": round(float(patch_shares(few.scenes.boxes[few.scenes.keep]).mean()), 3),
        "history": history.rounded(),
        "compared": compare(share, seeds, few),
        "longer": longer(share, test),
    }
    path.with_suffix(".json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return about


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = main(*map(Path, sys.argv[1:]))
    print(
        {name: about[name] for name in ("cpu_seconds", "parameters", "exact", "exact_of_clear", "in_the_box")}
    )
