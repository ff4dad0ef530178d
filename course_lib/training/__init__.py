"""Training: a recipe, a loss, two optimisers, one loop, and the history it leaves (lesson 13)."""

from course_lib.training.history import History
from course_lib.training.loop import NonFiniteError, train
from course_lib.training.losses import smoothed_cross_entropy
from course_lib.training.optimisers import Muon, block_matrices, make_optimisers, newton_schulz
from course_lib.training.recipe import Recipe, learning_rate, warmup_rate

__all__ = [
    "History",
    "Muon",
    "NonFiniteError",
    "Recipe",
    "block_matrices",
    "learning_rate",
    "make_optimisers",
    "newton_schulz",
    "smoothed_cross_entropy",
    "train",
    "warmup_rate",
]
