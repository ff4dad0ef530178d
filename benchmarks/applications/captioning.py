"""Captions: a Transformer looks at a scene of digits and says it, with the eyes of a trained detector.

Prints one JSON line: shares of exact sentences on 1,000 fresh scenes, of all and of the clear ones (whose
relation nobody would dispute), CPU seconds on one thread without the detector's training, the seed.
"""

import json
import sys
import time

import torch
from detection import CONFIG, trained

from course_lib.data.scenes import BOS, CAPTION_WORDS, EOS, MAX_CAPTION, PAD, Captions, caption_text, captions
from course_lib.decoding import translate
from course_lib.training import Recipe, smoothed_cross_entropy, train
from course_lib.transformer.blocks import zero_outputs
from course_lib.transformer.captioning import CaptionTransformer
from course_lib.transformer.vision import ImageEncoder

BATCH = 32


def main(steps: int = 2600, detector_steps: int = 2000, seed: int = 0) -> dict[str, float]:
    """Train a detector, then a captioner that starts with its image encoder."""
    image_encoder = trained(detector_steps, seed).image_encoder
    start = time.process_time()
    model = trained_captioner(image_encoder, steps, seed)
    seconds = time.process_time() - start
    test = captions(1000, seed, "test")
    exact = exact_sentences(model, test)
    return {
        "exact": round(exact.double().mean().item(), 4),
        "exact_of_clear": round(exact[test.clear].double().mean().item(), 4),
        "cpu_seconds": round(seconds, 1),
        "steps": steps,
        "detector_steps": detector_steps,
        "seed": seed,
    }


def trained_captioner(image_encoder: ImageEncoder, steps: int, seed: int) -> CaptionTransformer:
    """A captioner after so many steps on clear scenes; its image encoder goes on learning."""
    torch.manual_seed(seed)
    model = CaptionTransformer(image_encoder, len(CAPTION_WORDS), CONFIG, max_n=MAX_CAPTION + 1)
    zero_outputs(model.decoder)
    data = captions(60_000, seed).only_clear()
    images, tokens = torch.from_numpy(data.scenes.images), torch.from_numpy(data.tokens)

    def batch(step: int):
        rows = torch.randint(len(images), (BATCH,))
        return images[rows], tokens[rows]

    def loss(model, batch):
        images, tokens = batch
        return smoothed_cross_entropy(model(images, tokens[:, :-1]), tokens[:, 1:], pad=PAD)

    train(model, batch, loss, Recipe(steps, lr=2e-3, muon_lr=0.015, warmup=30), quiet=True)
    return model


def exact_sentences(model: CaptionTransformer, data: Captions) -> torch.Tensor:
    """Whether each scene is described word by word as in the data, (scenes,)."""
    said = translate(model, torch.from_numpy(data.scenes.images), None, BOS, EOS, MAX_CAPTION + 1)
    return torch.tensor([caption_text(words) == text for words, text in zip(said, data.texts, strict=True)])


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(**{name: int(value) for name, value in (a.split("=") for a in sys.argv[1:])})))
