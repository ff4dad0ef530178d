"""Lesson 23: what its folded answers and its teaching notes say is what model and data say."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.by_hand import patch_shares
from course_lib.data.scenes import BOS, CAPTION_WORDS, EOS, MAX_CAPTION, caption_text, captions
from course_lib.decoding import translate
from course_lib.transformer.blocks import BlockConfig
from course_lib.transformer.captioning import CaptionTransformer
from course_lib.transformer.checkpoints import load_checkpoint
from course_lib.transformer.detection import DetectionTransformer

ROOT = Path(__file__).parents[2]
FILES = ROOT / "course_lib" / "data" / "files"
TEXT = (ROOT / "sources" / "lessons" / "23_captioning.py").read_text(encoding="utf-8")
NOTES = (ROOT / "instructor" / "23_captioning.md").read_text(encoding="utf-8")
ABOUT = json.loads((FILES / "23_captioning.json").read_text(encoding="utf-8"))
RELATION = ("left", "right", "above", "below", "of")
CONFIG = BlockConfig(d_model=64, n_heads=4, d_hidden=128, n_layers=2, bias=False)


@pytest.fixture(scope="module")
def test():
    return captions(1000, seed=23, split="test")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = CaptionTransformer(
        DetectionTransformer(10, CONFIG).image_encoder, len(CAPTION_WORDS), CONFIG, max_n=MAX_CAPTION + 1
    )
    load_checkpoint(FILES / "23_captioning.safetensors", made)
    return made.eval()


@pytest.fixture(scope="module")
def said(model, test):
    ids = translate(model, torch.from_numpy(test.scenes.images), None, BOS, EOS, MAX_CAPTION + 1)
    return np.array([caption_text(np.array(row)) for row in ids])


def test_the_greedy_blind_speaker(test):
    after = {}
    for row in captions(20_000, seed=0).tokens.tolist():
        for t in range(1, row.index(EOS) + 1):
            after.setdefault(tuple(row[:t]), Counter())[row[t]] += 1
    greedy = (BOS,)
    while greedy[-1] != EOS:
        greedy += (after[greedy].most_common(1)[0][0],)
    sentence = caption_text(np.array(greedy))
    assert f"It says *{sentence}*" in TEXT and test.texts.count(sentence) == 3
    assert "right for 3 scenes of 1,000" in TEXT


def test_ambiguous_scenes(test, said):
    exact = said == np.array(test.texts)
    without = [" ".join(w for w in text.split() if w not in RELATION) for text in test.texts]
    also = [" ".join(w for w in text.split() if w not in RELATION) for text in said]
    same_digits = np.array(without) == np.array(also)
    assert "about 92 %, much as for clear scenes" in TEXT
    assert round(100 * same_digits[~test.clear].mean()) == 92
    assert (said[992], test.texts[992]) == ("a zero below a six", "a zero above a six")
    assert (
        0.955 < exact[~test.scenes.keep[:, 1]].mean() < 0.975
        and "about 97 of 100 scenes with one digit" in TEXT
    )


def test_the_answer_about_the_explorer(model, test):
    assert test.texts[4] == "a six right of an eight" and "# Head 2. It has 0.97 on one patch" in TEXT
    with torch.no_grad():
        memory = model.encode(torch.from_numpy(test.scenes.images[4:5]))
        _, seen = model.decode(torch.from_numpy(test.tokens[4:5, :-1]), memory, return_weights=True)
    heads = torch.cat([weights[0] for weights in seen]).numpy()  # (8 heads, n, N)
    inside = heads @ patch_shares(test.scenes.boxes[4], 8, 8).T  # (8 heads, n, 2 boxes)
    assert inside[:, 2, 1].argmax() == 1 and round(inside[1, 2, 1], 2) == 0.5
    assert round(float(heads[1, 2].max()), 2) == 0.97
    assert (inside[:, 6].sum(axis=-1) < 0.5).sum() > 4


def test_the_figures_of_the_files():
    compared = ABOUT["compared"]
    last = {name: [shares[-1] for shares in entry["exact_of_clear"]] for name, entry in compared.items()}
    spans = [f"{round(100 * min(shares))} to {round(100 * max(shares))}" for shares in last.values()]
    assert "{}, held fixed {}, fresh {} %".format(*spans) in NOTES
    seconds = {name: np.mean(entry["cpu_seconds"]) for name, entry in compared.items()}
    assert "21 seconds in place of 33 to 36" in TEXT
    assert [round(s) for s in seconds.values()] == [33, 21, 36]
    assert f"{ABOUT['recipe']['steps']:,} steps" in TEXT
    longer = ABOUT["longer"]
    assert longer["steps"] == 4600 and "4,600 steps" in TEXT
    both = [round(100 * found["exact_of_clear"]) for found in (longer, ABOUT)]
    assert "{} % against {} %".format(*both) in TEXT and f"({longer['cpu_seconds']} CPU seconds" in NOTES


def test_a_token_reads_more_than_its_patch(model):
    encoder, image = model.image_encoder, torch.rand(1, 1, 32, 32, requires_grad=True)
    x = torch.relu(encoder.conv2(torch.relu(encoder.conv1(image))))
    (x + torch.relu(encoder.conv3(x)))[0, :, 4, 4].sum().backward()
    read = image.grad[0, 0] != 0
    assert "the convolutions read 17 × 17 pixels around it" in TEXT
    assert read.any(dim=0).sum() <= 17 and read.any(dim=1).sum() <= 17
    assert read.any(dim=0).sum() > 13 and read.any(dim=1).sum() > 13  # a ReLU may close some at the rim


def test_the_curves_are_of_two_hundred_scenes():
    clear = int(captions(200, seed=23, split="test").clear.sum())
    for entry in ABOUT["compared"].values():
        for share in entry["exact_of_clear"][0]:
            assert abs(share * clear - round(share * clear)) < 0.01
    assert "judged on 200 other scenes of test digits" in TEXT and "draws from 60,000 scenes" in TEXT
