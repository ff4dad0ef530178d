"""The shared library of the course: what the lessons derive, draw and check.

Importing it loads neither torch nor matplotlib.
"""

import os

# Waiting threads should sleep, not spin: has to be set before torch is imported anywhere.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from course_lib.journal import progress
from course_lib.predictions import compare, predict
from course_lib.session import start

__all__ = ["compare", "predict", "progress", "start"]
