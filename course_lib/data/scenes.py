"""Scenes: real handwritten digits at random places on a canvas of 32 x 32, with boxes and with captions.

The digits are those of `digits.py` (Alpaydin and Kaynak 1998, CC BY 4.0; see there), each enlarged to 8-14
pixels; the layout is drawn with a seed. Nothing is downloaded and nothing is stored. Training scenes are made
of training digits alone and test scenes of test digits alone.

Rules of a scene: the number of digits is drawn first, each from 1 to `max_digits` being as likely; sides and
places are drawn until no two square patches overlap, so crowded scenes have somewhat smaller digits. A box
is tight around the ink (pixels brighter than INK), not around the patch: its edges are visible in the image,
so an intersection over union measures how well they were seen.

Rules of a caption: the smaller number is named first; of two equal ones the left digit, or the upper one
where they are above each other. The relation is left of / right of if the centres of the boxes lie further
apart sideways, else above / below. Where the two distances differ by less than AMBIGUOUS pixels a person
could say either: such scenes are flagged, and training leaves them out (`only_clear`).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from course_lib.data.digits import SOURCE as DIGITS_SOURCE
from course_lib.data.digits import SPLITS, Digits, load_digits

CANVAS = 32  # pixels, height and width
SIDES = (8, 14)  # pixels: smallest and largest side of a digit's patch
INK = 0.2  # a brighter pixel belongs to the digit
MOST_DIGITS = 4  # more hardly ever fit
TWO_DIGITS = 0.75  # share of captioned scenes that show two digits
AMBIGUOUS = 4  # pixels

DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CAPTION_WORDS = ("<pad>", "<bos>", "<eos>", *DIGIT_WORDS, "a", "an", "left", "right", "above", "below", "of")
PAD, BOS, EOS = 0, 1, 2
RELATIONS = ("left of", "right of", "above", "below")
MAX_CAPTION = 6  # words: a three left of a seven

SOURCE = f"composed with a seed from: {DIGITS_SOURCE}"


@dataclass(frozen=True)
class Scenes:
    """Images in [0, 1] with up to m digits each; a slot that holds no digit has keep False and zeros.

    Boxes are centre x, centre y, width, height as shares of the canvas; `rows` are the digits' rows in
    scikit-learn's table (-1 in an empty slot).
    """

    images: Float[np.ndarray, "scenes 1 32 32"]
    boxes: Float[np.ndarray, "scenes m 4"]
    labels: Int[np.ndarray, "scenes m"]
    keep: Bool[np.ndarray, "scenes m"]
    rows: Int[np.ndarray, "scenes m"]
    source: str = SOURCE

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Int[np.ndarray, " some"] | Bool[np.ndarray, " scenes"]) -> "Scenes":
        """The scenes with these row numbers, or those that are True."""
        picked = {name: getattr(self, name)[rows] for name in ("images", "boxes", "labels", "keep", "rows")}
        return replace(self, **picked)


@dataclass(frozen=True)
class Captions:
    """Scenes with a sentence each; slot 0 of a scene is the digit that is named first, slot 1 the other.

    `tokens` are <bos>, the words, <eos>, then <pad>, as positions in CAPTION_WORDS; `keep` is True where a
    token is not padding; `clear` is False for ambiguous scenes.
    """

    scenes: Scenes
    texts: list[str]
    tokens: Int[np.ndarray, "scenes 8"]
    keep: Bool[np.ndarray, "scenes 8"]
    clear: Bool[np.ndarray, " scenes"]
    source: str = SOURCE

    def __len__(self) -> int:
        return len(self.texts)

    def only_clear(self) -> "Captions":
        """Those whose relation nobody would dispute: what one trains on."""
        texts = [text for text, clear in zip(self.texts, self.clear, strict=True) if clear]
        picked = {name: getattr(self, name)[self.clear] for name in ("tokens", "keep", "clear")}
        return replace(self, scenes=self.scenes.take(self.clear), texts=texts, **picked)


def scenes(n_scenes: int, seed: int = 0, split: str = "train", max_digits: int = 3) -> Scenes:
    """`n_scenes` scenes of 1 to `max_digits` digits, made of the digits of one split ("train" or "test").

    The same arguments always give the same scenes; the splits share no digit and no layout.
    ValueError for an unknown split, no scene, or `max_digits` outside 1 to 4.
    """
    if not 1 <= max_digits <= MOST_DIGITS:
        raise ValueError(f"max_digits must be from 1 to {MOST_DIGITS}; got {max_digits}")
    digits, rng = _start(n_scenes, seed, split)
    return _compose(rng.integers(1, max_digits + 1, n_scenes), max_digits, digits, rng)


def captions(n_scenes: int, seed: int = 0, split: str = "train") -> Captions:
    """`n_scenes` scenes with a caption each, three quarters of them with two digits, the others with one.

    ValueError for an unknown split or no scene.

    >>> captions(3, seed=1).texts
    ['a four right of a six', 'a nine', 'a five left of a six']
    """
    digits, rng = _start(n_scenes, seed, split)
    drawn = _compose(np.where(rng.random(n_scenes) < TWO_DIGITS, 2, 1), 2, digits, rng)
    ordered = _named_first(drawn)
    dx, dy = _from_first_to_second(ordered.boxes)
    relations = _relations(dx, dy)
    texts = [
        _sentence(labels[keep], RELATIONS[relation])
        for labels, keep, relation in zip(ordered.labels, ordered.keep, relations, strict=True)
    ]
    tokens = caption_tokens(texts)
    clear = (np.abs(np.abs(dx) - np.abs(dy)) * CANVAS >= AMBIGUOUS) | ~ordered.keep[:, 1]
    return Captions(ordered, texts, tokens, tokens != PAD, clear)


def caption_tokens(texts: list[str]) -> Int[np.ndarray, "texts 8"]:
    """<bos>, the words, <eos> and <pad> up to the longest caption, as positions in CAPTION_WORDS.

    ValueError for a word that captions do not use, or a text of more than 6 words.

    >>> caption_tokens(["a three left of a seven"])
    array([[ 1, 13,  6, 15, 19, 13, 10,  2]])
    """
    number = {word: position for position, word in enumerate(CAPTION_WORDS)}
    tokens = np.full((len(texts), MAX_CAPTION + 2), PAD)
    for row, text in zip(tokens, texts, strict=True):
        words = text.split()
        if unknown := [word for word in words if word not in number]:
            raise ValueError(f"texts must use the words of CAPTION_WORDS; got {unknown[0]!r} in {text!r}")
        if len(words) > MAX_CAPTION:
            raise ValueError(f"texts must have at most {MAX_CAPTION} words; got {text!r}")
        row[: len(words) + 2] = [BOS, *(number[word] for word in words), EOS]
    return tokens


def caption_text(tokens: Int[np.ndarray, " n"]) -> str:
    """The words of one row of tokens, up to <eos>, without the special ones.

    >>> caption_text(np.array([1, 13, 6, 2, 0, 0, 0, 0]))
    'a three'
    """
    tokens = list(tokens)
    ended = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
    return " ".join(CAPTION_WORDS[token] for token in ended if token not in (PAD, BOS))


def enlarge(images: Float[np.ndarray, "n height width"], side: int) -> Float[np.ndarray, "n side side"]:
    """Bilinear resize: each new pixel is a weighted mean of the four nearest old ones, by their distance.

    Centres of pixels are matched, not corners, as torch's `interpolate(align_corners=False)` does.

    >>> enlarge(np.array([[[0.0, 1.0], [0.0, 1.0]]]), 4)[0, 0]
    array([0.  , 0.25, 0.75, 1.  ])
    """
    down, across = _mixing(images.shape[1], side), _mixing(images.shape[2], side)
    return (down @ images @ across.T).astype(images.dtype)


def _mixing(old: int, new: int) -> np.ndarray:
    """Row i says how much of each old pixel goes into new pixel i, along one axis; (new, old)."""
    centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(old)))


def _start(n_scenes: int, seed: int, split: str) -> tuple[Digits, np.random.Generator]:
    if n_scenes < 1:
        raise ValueError(f"n_scenes must be at least 1; got {n_scenes}")
    digits = load_digits(split)
    return digits, np.random.default_rng([seed, SPLITS.index(split)])


def _compose(counts: np.ndarray, m: int, digits: Digits, rng: np.random.Generator) -> Scenes:
    """Scenes with `counts[i]` digits in the first of the m slots of scene i."""
    sides, tops, lefts = _layout(counts, m, rng)
    keep = np.arange(m) < counts[:, None]
    picked = rng.integers(len(digits), size=keep.shape)
    images = np.zeros((len(counts), 1, CANVAS, CANVAS), np.float32)
    boxes = np.zeros((*keep.shape, 4), np.float32)
    for side in range(SIDES[0], SIDES[1] + 1):  # all patches of one size at once
        scene, slot = np.nonzero(keep & (sides == side))
        patches = enlarge(digits.images[picked[scene, slot], 0], side)
        top, left = tops[scene, slot], lefts[scene, slot]
        down = top[:, None, None] + np.arange(side)[:, None]
        across = left[:, None, None] + np.arange(side)
        images[scene[:, None, None], 0, down, across] = patches
        boxes[scene, slot] = _ink_boxes(patches, top, left)
    labels = np.where(keep, digits.labels[picked], 0)
    return Scenes(images, boxes, labels, keep, np.where(keep, digits.rows[picked], -1))


def _layout(counts: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """Side, top and left of each patch, (3, scenes, m): drawn again until no two of a scene overlap."""
    layout = np.zeros((3, len(counts), m), int)
    todo = np.arange(len(counts))
    while len(todo):
        sides = rng.integers(SIDES[0], SIDES[1] + 1, (len(todo), m))
        tops, lefts = rng.integers(0, CANVAS - sides + 1, (2, *sides.shape))
        layout[:, todo] = sides, tops, lefts
        todo = todo[_overlap(sides, tops, lefts, counts[todo])]
    return layout


def _overlap(sides: np.ndarray, tops: np.ndarray, lefts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Whether any two of the first `counts[i]` patches of scene i share a pixel; (scenes,)."""
    found = np.zeros(len(counts), bool)
    for second in range(sides.shape[1]):
        for first in range(second):
            apart = np.zeros(len(counts), bool)
            for start in (tops, lefts):
                apart |= start[:, first] + sides[:, first] <= start[:, second]
                apart |= start[:, second] + sides[:, second] <= start[:, first]
            found |= ~apart & (second < counts)
    return found


def _ink_boxes(patches: np.ndarray, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
    """Centre x, centre y, width, height of the ink, as shares of the canvas; (n, 4)."""
    ink = patches > INK
    ends = []
    for lines, start in ((ink.any(axis=1), lefts), (ink.any(axis=2), tops)):
        ends.append((start + lines.argmax(axis=1), start + lines.shape[1] - lines[:, ::-1].argmax(axis=1)))
    (x0, x1), (y0, y1) = ends
    return np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], axis=1) / CANVAS


def _named_first(drawn: Scenes) -> Scenes:
    """The same scenes, with the digit that is named first in slot 0."""
    dx, dy = _from_first_to_second(drawn.boxes)
    first, second = drawn.labels.T
    back = np.where(np.abs(dx) > np.abs(dy), dx, dy) < 0
    swap = drawn.keep[:, 1] & ((first > second) | ((first == second) & back))
    order = np.where(swap[:, None], [1, 0], [0, 1])
    slots = {name: getattr(drawn, name) for name in ("boxes", "labels", "keep", "rows")}
    rows = np.arange(len(drawn))[:, None]
    return replace(drawn, **{name: values[rows, order] for name, values in slots.items()})


def _from_first_to_second(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sideways and downward distance between the centres of slots 0 and 1, as shares of the canvas."""
    return tuple((boxes[:, 1, :2] - boxes[:, 0, :2]).T)


def _relations(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Positions in RELATIONS: where slot 0 is, seen from slot 1."""
    return np.where(np.abs(dx) > np.abs(dy), np.where(dx > 0, 0, 1), np.where(dy > 0, 2, 3))


def _sentence(labels: np.ndarray, relation: str) -> str:
    nouns = [f"{'an' if DIGIT_WORDS[label] == 'eight' else 'a'} {DIGIT_WORDS[label]}" for label in labels]
    return f" {relation} ".join(nouns)
