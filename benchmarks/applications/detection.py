"""Object detection as a set: real digits on a canvas of 32 x 32, found by a Transformer with 9 queries.

Prints one JSON line: AP50 on 1,000 fresh scenes, CPU seconds of the training on one thread, the seed.
`reference_points=0` trains the queries of DETR instead, alike in all else.
"""

import json
import sys
import time

import torch

from course_lib.data.scenes import Scenes, scenes
from course_lib.metrics import Boxes, average_precision
from course_lib.training import Recipe, train
from course_lib.transformer.blocks import BlockConfig, zero_outputs
from course_lib.transformer.detection import DetectionTransformer, Objects, detection_loss, strongest_class

CONFIG = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)
BATCH = 32


def main(steps: int = 1000, seed: int = 0, reference_points: bool = True) -> dict[str, float]:
    """Train on 20,000 scenes of training digits, measure on scenes of test digits."""
    start = time.process_time()
    model = trained(steps, seed, reference_points)
    seconds = time.process_time() - start
    return {
        "AP50": round(ap50(model, scenes(1000, seed, "test")), 4),
        "cpu_seconds": round(seconds, 1),
        "steps": steps,
        "seed": seed,
        "reference_points": bool(reference_points),
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def trained(steps: int, seed: int, reference_points: bool = True) -> DetectionTransformer:
    """A detector of digits after so many steps."""
    torch.manual_seed(seed)
    model = DetectionTransformer(10, CONFIG, reference_points=bool(reference_points))
    zero_outputs(model)
    images, objects = tensors(scenes(20_000, seed))

    def batch(step: int):
        rows = torch.randint(len(images), (BATCH,))
        return images[rows], Objects(*(part[rows] for part in objects))

    def loss(model, batch):
        return detection_loss(model(batch[0]), batch[1])

    train(model, batch, loss, Recipe(steps, lr=3e-3, muon_lr=0.04, warmup=30), quiet=True)
    return model


def tensors(data: Scenes) -> tuple[torch.Tensor, Objects]:
    """The images of the scenes, and what there is to find in them."""
    return torch.from_numpy(data.images), Objects(
        *(torch.from_numpy(part) for part in (data.labels, data.boxes, data.keep))
    )


@torch.no_grad()
def ap50(model: DetectionTransformer, data: Scenes) -> float:
    """Average precision at an intersection over union of one half."""
    found = model(torch.from_numpy(data.images))[-1]
    labels, scores = strongest_class(found)
    everyone = torch.ones_like(labels, dtype=torch.bool)
    return average_precision(
        Boxes(found.boxes, labels, everyone, scores), Boxes(data.boxes, data.labels, data.keep)
    ).mean


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
