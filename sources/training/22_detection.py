"""Train the detector of lesson 22, and beside it one with the plain queries of DETR.

    python sources/training/22_detection.py

Scenes of one to three handwritten digits on a canvas of 32 x 32 (`course_lib.data.scenes`). Writes
course_lib/data/files/22_detection.safetensors (float16, the detector whose queries have reference points)
with a .json beside it: command, seed, CPU seconds, hash, AP50 on held-out scenes, the history with what each
query answered on a few watched scenes, and for both kinds of queries AP50 over the training from three
starts and where each query found something, plain queries also three times as long. Takes six minutes of CPU.
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

from course_lib.data.scenes import Scenes, scenes
from course_lib.metrics import Boxes, average_precision
from course_lib.training import History, Recipe, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.checkpoints import load_checkpoint, save_checkpoint
from course_lib.transformer.detection import DetectionTransformer, Objects, detection_loss, strongest_class

FILES = Path(__file__).parents[2] / "course_lib" / "data" / "files"
COMMAND = "python sources/training/22_detection.py"
SEED, BATCH, N_TRAIN, N_WATCHED, LOOKS = 22, 32, 20_000, 4, 25
CONFIG = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)
RECIPE = Recipe(steps=2000, lr=3e-3, muon_lr=0.04, warmup=30)
SHORT = replace(RECIPE, steps=900)

# name: (whether queries have reference points, recipe, how many of the seeds)
COMPARED = {
    "reference points": (True, SHORT, 3),
    "plain queries": (False, SHORT, 3),
    "plain queries, three times as long": (False, replace(SHORT, steps=2700), 1),
}


def build(reference_points: bool, seed: int) -> DetectionTransformer:
    """A fresh detector of the ten digits."""
    torch.manual_seed(seed)
    model = DetectionTransformer(10, CONFIG, reference_points=reference_points)
    zero_outputs(model)
    return model


def tensors(data: Scenes) -> tuple[Tensor, Objects]:
    """The images of the scenes, and what there is to find in them."""
    return torch.from_numpy(data.images), Objects(
        *(torch.from_numpy(part) for part in (data.labels, data.boxes, data.keep))
    )


def learn(model: DetectionTransformer, recipe: Recipe, seed: int, **looking) -> tuple[History, float]:
    """Train on scenes of training digits; the history, and the CPU seconds with the looking."""
    images, objects = tensors(scenes(N_TRAIN, seed))
    draw = torch.Generator().manual_seed(seed)

    def batch(step: int) -> tuple[Tensor, Objects]:
        rows = torch.randint(len(images), (BATCH,), generator=draw)
        return images[rows], Objects(*(part[rows] for part in objects))

    def loss(model: DetectionTransformer, batch: tuple[Tensor, Objects]) -> Tensor:
        return detection_loss(model(batch[0]), batch[1])

    started = time.process_time()
    return train(model, batch, loss, recipe, quiet=True, **looking), time.process_time() - started


@torch.no_grad()
def ap50(model: DetectionTransformer, data: Scenes) -> float:
    """Average precision at an intersection over union of one half, mean of the ten digits."""
    found = model(torch.from_numpy(data.images))[-1]
    labels, scores = strongest_class(found)
    everyone = torch.ones_like(labels, dtype=torch.bool)
    truth = Boxes(data.boxes, data.labels, data.keep)
    return average_precision(Boxes(found.boxes, labels, everyone, scores), truth).mean


@torch.no_grad()
def answered(model: DetectionTransformer, data: Scenes) -> list[list[list[float]]]:
    """For each query the centres (x, y) of the boxes of which it was at least half sure."""
    found = model(torch.from_numpy(data.images))[-1]
    sure = strongest_class(found)[1] >= 0.5  # (scenes, n_queries)
    centres = found.boxes[..., :2].double().numpy().round(3)
    return [centres[sure[:, query].numpy(), query].tolist() for query in range(sure.shape[1])]


def watched(data: Scenes) -> Callable[[DetectionTransformer], dict[str, np.ndarray]]:
    """What the queries answer on these scenes: boxes, probabilities of the answers, weights on the image."""

    def record(model: DetectionTransformer) -> dict[str, np.ndarray]:
        answers, seen = model(torch.from_numpy(data.images), return_weights=True)
        return {
            "boxes": answers[-1].boxes.numpy(),  # (scenes, n_queries, 4)
            "probabilities": answers[-1].logits.softmax(-1).numpy(),  # (scenes, n_queries, 11)
            "weights": seen[-1][0].numpy(),  # (n_heads, n_queries, 64), of the first scene
        }

    return record


def compare(share: float, seeds: tuple[int, ...], test: Scenes) -> dict[str, dict]:
    """Of both kinds of queries, one entry per seed: AP50 over the training, CPU seconds, where each answered."""
    seen: dict[str, dict] = {}
    for name, (reference_points, recipe, n_seeds) in COMPARED.items():
        recipe = recipe.shortened(share)
        row = seen[name] = {"steps": recipe.steps, "AP50": [], "cpu_seconds": [], "answered": []}
        for seed in seeds[:n_seeds]:
            model = build(reference_points, seed)
            history, seconds = learn(
                model, recipe, seed, every=max(1, recipe.steps // 12),
                evaluate=lambda model: {"AP50": ap50(model, test)},
            )  # fmt: skip
            row["looked_at"] = history.score_steps.tolist()
            row["AP50"].append(history.scores["AP50"].round(4).tolist())
            row["cpu_seconds"].append(round(seconds, 1))
            row["answered"].append(answered(model, test))
            row["parameters"] = sum(p.numel() for p in model.parameters())
            print(name, seed, row["AP50"][-1][-1], row["cpu_seconds"][-1], flush=True)
    return seen


def main(
    folder: Path = FILES, share: float = 1.0, seeds: tuple[int, ...] = (1, 2, 3), n_test: int = 1000
) -> dict:
    """Train for a share of the steps, test on `n_test` scenes, write both files; what the .json says."""
    test, model, recipe = scenes(n_test, SEED, "test"), build(True, SEED), RECIPE.shortened(share)
    few = test.take(np.arange(max(10, n_test // 5)))
    history, seconds = learn(
        model, recipe, SEED, every=max(1, recipe.steps // LOOKS),
        evaluate=lambda model: {"AP50": ap50(model, few)},
        record=watched(test.take(np.arange(N_WATCHED))),
    )  # fmt: skip
    path = folder / "22_detection.safetensors"
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
        "AP50": round(ap50(model, test), 4),
        "history": history.rounded(),
        "compared": compare(share, seeds, few),
    }
    path.with_suffix(".json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return about


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = main(*map(Path, sys.argv[1:]))
    print({name: about[name] for name in ("cpu_seconds", "parameters", "AP50")})
