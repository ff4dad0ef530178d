"""What several exercises forbid by name, for marking (see `course_lib.grading.forbidden`)."""

BESIDE_NUMPY = ("torch", "scipy", "sklearn")  # of an exercise that is to be written with NumPy alone
SOFTMAX = (  # a worker watches these by name, so they are listed beside the whole libraries
    "torch.softmax",
    "torch.special.softmax",
    "torch.nn.functional.softmax",
    "torch.nn.Softmax",
    "scipy.special.softmax",
    ".softmax",
)
