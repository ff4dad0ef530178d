"""The first cell of every notebook: seeds, printing, and which lesson this is."""

import random

import numpy as np

from course_lib import journal

lesson: str | None = None  # the lesson of this kernel, set by `start`


def start(name: str, seed: int = 0, torch: bool = False) -> None:
    """Begin a lesson: seed the generators, print 4 decimals, note that it was opened.

    `name` is the notebook's name, e.g. "01_dot_products". With `torch=True` PyTorch is imported, seeded,
    set to float64 and to one thread: at these sizes one is as fast, and numbers depend less on the machine.
    """
    global lesson
    lesson = name
    random.seed(seed)
    np.random.seed(seed)
    np.set_printoptions(precision=4, suppress=True, linewidth=100)
    if torch:
        _prepare_torch(seed)
    journal.record_opened(name)
    print(f"Lesson {name} is ready.")


def _prepare_torch(seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.set_printoptions(precision=4, sci_mode=False, linewidth=100)
