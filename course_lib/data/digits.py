"""Handwritten digits: 1,797 real images of 8 x 8 pixels, each with the digit 0 to 9 that was meant.

Source: scikit-learn's `load_digits`, a copy of the test part of "Optical Recognition of Handwritten Digits"
(Alpaydin and Kaynak 1998, UCI Machine Learning Repository, doi 10.24432/C50P49). Licence: CC BY 4.0 (the
data), BSD-3-Clause (scikit-learn). Each pixel counts the inked cells, 0 to 16, in a 4 x 4 piece of a bitmap
of 32 x 32 that was fitted around the digit, so nearly every digit is eight pixels high.

The split keeps the shares of the ten digits. It is NOT a split by writer: 13 people wrote the images and the
table does not say who wrote which, so the same hand is in both parts and a score on "test" flatters a little.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

SOURCE = (
    "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak 1998, UCI Machine Learning "
    "Repository, doi 10.24432/C50P49, CC BY 4.0; the 1,797 images that scikit-learn ships"
)
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Digits:
    """Images in [0, 1] (0 paper, 1 ink), the digit of each, and its row in scikit-learn's table."""

    images: Float[np.ndarray, "images 1 8 8"]
    labels: Int[np.ndarray, " images"]
    rows: Int[np.ndarray, " images"]
    source: str = SOURCE

    def __len__(self) -> int:
        return len(self.labels)


def load_digits(split: str = "train", test_share: float = 0.2, seed: int = 0) -> Digits:
    """The digits of one split, "train" or "test": float32 images (N, 1, 8, 8), int64 labels (N,).

    The same `test_share` and `seed` always give the same two parts, which share no image and hold the ten
    digits in the same proportions. ValueError for another split, or a share that leaves under ten images.

    >>> len(load_digits("train")), len(load_digits("test"))
    (1437, 360)
    """
    from sklearn.model_selection import train_test_split

    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(map(repr, SPLITS))}; got {split!r}")
    images, labels = _table()
    if not 10 <= test_share * len(labels) <= len(labels) - 10:
        raise ValueError(
            f"test_share must leave each part ten of the {len(labels)} images or more; got {test_share}"
        )
    parts = train_test_split(
        np.arange(len(labels)), test_size=float(test_share), stratify=labels, random_state=seed
    )
    rows = parts[SPLITS.index(split)]
    return Digits(images[rows], labels[rows], rows)


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """All images, in [0, 1], and labels; read once."""
    import sklearn.datasets  # takes a second: only those who ask for digits wait for it

    table = sklearn.datasets.load_digits()
    return (table.images[:, None] / 16).astype(np.float32), table.target.astype(np.int64)
