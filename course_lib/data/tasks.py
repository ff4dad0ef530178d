"""Generated tasks: small problems with a known answer, each made to show one thing about attention.

All data here is drawn from a seed; nothing comes from outside, so there is no licence to name. `seed` is a
number or a NumPy generator; with another seed the examples are new. At their usual sizes all tasks but `sort`
have so many possible examples that training and test data with different seeds do not meet; `sort` has 729,
so it comes in two splits.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped

Seed = int | np.random.Generator
HELD_OUT = 4  # `sort` keeps one sequence in four for the test split


@dataclass(frozen=True)
class Task:
    """Inputs, targets and which targets count.

    Token tasks: inputs, targets and keep are (examples, n), the target of a position stands at that position,
    and keep is True where it is asked for (the target is 0 elsewhere). `n_vocab` tokens occur in the inputs;
    all targets are below it. Task of real vectors: see `two_vectors`.
    """

    inputs: Shaped[np.ndarray, "examples n ..."]
    targets: Shaped[np.ndarray, "examples ..."]
    keep: Bool[np.ndarray, "examples ..."]
    n_vocab: int
    source: str

    def __len__(self) -> int:
        return len(self.inputs)


def reverse(n_examples: int, length: int = 16, n_tokens: int = 10, seed: Seed = 0) -> Task:
    """Random tokens; the target is the sequence from back to front: position alone says where to look.

    Setting of the University of Amsterdam's tutorial (Lippe 2022, Tutorial 6): 16 tokens out of 10.

    >>> task = reverse(1, length=4)
    >>> task.inputs, task.targets
    (array([[8, 6, 5, 2]]), array([[2, 5, 6, 8]]))
    """
    rng = _start(seed, n_examples=n_examples, length=length, n_tokens=n_tokens)
    inputs = rng.integers(n_tokens, size=(n_examples, length))
    return _task(inputs, inputs[:, ::-1], True, n_tokens, "random tokens, reversed")


def sort(n_examples: int, length: int = 6, n_tokens: int = 3, seed: Seed = 0, split: str = "train") -> Task:
    """A sequence and, after it, the same tokens in order: predict the next token in the second half.

    inputs (examples, 2 length - 1): the unsorted tokens, then all but the last sorted one. No sequence is in
    both splits, "train" and "test" (a quarter of all sequences). Setting of minGPT's demo (Karpathy 2020): 6
    out of 3.
    """
    rng = _start(seed, n_examples=n_examples, length=length, n_tokens=n_tokens)
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test'; got {split!r}")
    if n_tokens**length < 2 * HELD_OUT or n_tokens**length >= 2**62:
        raise ValueError(f"n_tokens ** length must be from 8 to 2 ** 62; got {n_tokens} ** {length}")
    unsorted = _sequences_of(split, n_examples, length, n_tokens, rng)
    tokens = np.concatenate([unsorted, np.sort(unsorted, axis=1)], axis=1)
    asked = np.arange(2 * length - 1) >= length - 1
    return _task(tokens[:, :-1], tokens[:, 1:], asked, n_tokens, "random tokens, then sorted")


def unpredictable(n_examples: int, length: int = 16, n_tokens: int = 10, seed: Seed = 0) -> Task:
    """Random tokens and, as targets, the token that comes next: nobody can do better than 1 in `n_tokens`.

    A model that scores more has seen the future (lesson 04).
    """
    rng = _start(seed, n_examples=n_examples, length=length, n_tokens=n_tokens)
    tokens = rng.integers(n_tokens, size=(n_examples, length + 1))
    return _task(tokens[:, :-1], tokens[:, 1:], True, n_tokens, "random tokens, the next one is the target")


def recall(n_examples: int, distance: int = 100, n_tokens: int = 8, seed: Seed = 0) -> Task:
    """One marked letter, `distance` - 1 others, a question mark: say the letter that was marked.

    Letters are 0 .. n_tokens - 1, letter a when marked is a + n_tokens, the question mark 2 n_tokens. The
    mark stands `distance` tokens before the question, the last token, where alone an answer is asked for.

    >>> task = recall(1, distance=4)
    >>> task.inputs, task.targets, task.keep
    (array([[14,  5,  4,  2, 16]]), array([[0, 0, 0, 0, 6]]), array([[False, False, False, False,  True]]))
    """
    rng = _start(seed, n_examples=n_examples, distance=distance, n_tokens=n_tokens)
    letters = rng.integers(n_tokens, size=(n_examples, distance + 1))
    inputs = letters.copy()
    inputs[:, 0] += n_tokens
    inputs[:, -1] = 2 * n_tokens
    targets = np.repeat(letters[:, :1], distance + 1, axis=1)
    asked = np.arange(distance + 1) == distance
    return _task(inputs, targets, asked, 2 * n_tokens + 1, "random letters, one of them marked")


def most_recent(n_examples: int, length: int = 16, n_tokens: int = 8, seed: Seed = 0) -> Task:
    """At each position: which letter followed the most recent marker? Only what is near counts.

    Letters are 0 .. n_tokens - 1, the marker is n_tokens; one token in six, never two in a row. Asked for
    from the first letter that follows a marker on; at a marker itself the answer is still the former one.
    """
    rng = _start(seed, n_examples=n_examples, length=length, n_tokens=n_tokens)
    inputs = rng.integers(n_tokens, size=(n_examples, length))
    answers = np.full(inputs.shape, -1)
    marker = np.zeros(n_examples, bool)
    answer = np.full(n_examples, -1)
    for position in range(length):
        answer = np.where(marker, inputs[:, position], answer)
        marker = ~marker & (rng.random(n_examples) < 1 / 5)  # of 6 tokens 5 may be a marker: 1 / 6 in all
        inputs[marker, position] = n_tokens
        answers[:, position] = answer
    return _task(inputs, answers, answers >= 0, n_tokens + 1, "random letters with markers between them")


def steps_back(n_examples: int, length: int = 16, back: int = 7, n_tokens: int = 8, seed: Seed = 0) -> Task:
    """At each position: which token stood `back` tokens earlier? Only the distance counts.

    Made for the comparison with `most_recent`: a bias that only ever prefers the near cannot point at one
    distance. Asked for from position `back` on. ValueError if that is not within `length`.

    >>> task = steps_back(1, length=4, back=2)
    >>> task.inputs, task.targets, task.keep
    (array([[6, 5, 4, 2]]), array([[0, 0, 6, 5]]), array([[False, False,  True,  True]]))
    """
    rng = _start(seed, n_examples=n_examples, length=length, back=back, n_tokens=n_tokens)
    if back >= length:
        raise ValueError(f"back must be less than length, {length}; got {back}")
    inputs = rng.integers(n_tokens, size=(n_examples, length))
    asked = np.arange(length) >= back
    return _task(inputs, np.roll(inputs, back, axis=1), asked, n_tokens, "random tokens, repeated later")


def two_vectors(n_examples: int, n_tokens: int = 12, d: int = 8, seed: Seed = 0) -> Task:
    """Tokens of real numbers, one marked A and another marked B: hand back both vectors.

    inputs (examples, n_tokens, d + 2) float32: d numbers drawn from N(0, 1), then 1 or 0 for mark A, then for
    B; targets and keep (examples, 2, d): the vectors of A and B. n_vocab is 0. Real numbers, because two
    tokens could be told apart in a mixture. One fixed query, one head and linear maps leave a mean squared
    error of at least 1/2 where the values are the d numbers alone, and of at least (d - 1) / (2 d), 7/16 for
    d = 8, where they show the marks too, as the inputs do: then the mixture also tells the weights.
    """
    rng = _start(seed, n_examples=n_examples, n_tokens=n_tokens, d=d)
    if n_tokens < 2:
        raise ValueError(f"n_tokens must be at least 2, for two marks; got {n_tokens}")
    inputs = np.zeros((n_examples, n_tokens, d + 2), np.float32)
    inputs[..., :d] = rng.standard_normal((n_examples, n_tokens, d))
    marked = rng.permuted(np.tile(np.arange(n_tokens), (n_examples, 1)), axis=1)[:, :2]
    rows = np.arange(n_examples)[:, None]
    inputs[rows, marked, [d, d + 1]] = 1
    targets = inputs[rows, marked, :d]
    return Task(inputs, targets, np.ones(targets.shape, bool), 0, "generated with a seed: random vectors")


def repeats(
    n_examples: int,
    length: int = 64,
    n_tokens: int = 64,
    periods: tuple[int, int] = (16, 32),
    seed: Seed = 0,
) -> Task:
    """A random block of different tokens, over and over; the target is the next token.

    The block's length is drawn from the `periods`, both ends included: were it fixed, a model could copy by
    position. Asked for where the present token has occurred before, for there alone "find it, take what
    followed" has an answer (induction: Olsson et al. 2022). ValueError if a block does not fit n_tokens or
    length.

    >>> task = repeats(1, length=5, n_tokens=9, periods=(3, 3))
    >>> task.inputs, task.targets, task.keep
    (array([[4, 5, 2, 4, 5]]), array([[0, 0, 0, 5, 2]]), array([[False, False, False,  True,  True]]))
    """
    rng = _start(seed, n_examples=n_examples, length=length, n_tokens=n_tokens)
    shortest, longest = periods
    if not 1 <= shortest <= longest <= n_tokens or longest >= length:
        raise ValueError(
            f"periods must be from 1 to n_tokens, {n_tokens}, and below length, {length}; got {periods}"
        )
    blocks = rng.permuted(np.tile(np.arange(n_tokens), (n_examples, 1)), axis=1)
    period = rng.integers(shortest, longest + 1, (n_examples, 1))
    tokens = np.take_along_axis(blocks, np.arange(length + 1) % period, axis=1)
    asked = np.arange(length) >= period
    return _task(tokens[:, :-1], tokens[:, 1:], asked, n_tokens, "random blocks of tokens, repeated")


def few_shot(n_examples: int, shots: int = 8, n_symbols: int = 4, n_labels: int = 4, seed: Seed = 0) -> Task:
    """Symbol, label, symbol, label ...: each example has its own rule, to be learnt from the pairs before.

    inputs (examples, 2 shots + 1): `shots` pairs and one more symbol; symbols are 0 .. n_symbols - 1, label a
    is a + n_symbols. Asked for at the symbols, so position 2k shows what k pairs are worth: the best possible
    accuracy is 1 - (1 - 1 / n_symbols)^k (1 - 1 / n_labels), as the rule gives each symbol a random label.
    """
    rng = _start(seed, n_examples=n_examples, shots=shots, n_symbols=n_symbols, n_labels=n_labels)
    rule = n_symbols + rng.integers(n_labels, size=(n_examples, n_symbols))
    symbols = rng.integers(n_symbols, size=(n_examples, shots + 1))
    labels = np.take_along_axis(rule, symbols, axis=1)
    tokens = np.stack([symbols, labels], axis=2).reshape(n_examples, -1)
    asked = np.arange(2 * shots + 1) % 2 == 0
    return _task(tokens[:, :-1], tokens[:, 1:], asked, n_symbols + n_labels, "a random rule per example")


def _start(seed: Seed, **sizes: int) -> np.random.Generator:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1; got {size}")
    return np.random.default_rng(seed)


def _task(
    inputs: Int[np.ndarray, "examples n"],
    targets: Int[np.ndarray, "examples n"],
    asked: Bool[np.ndarray, "..."] | bool,
    n_vocab: int,
    what: str,
) -> Task:
    keep = np.broadcast_to(asked, inputs.shape).copy()
    return Task(inputs.copy(), np.where(keep, targets, 0), keep, n_vocab, f"generated with a seed: {what}")


def _sequences_of(
    split: str, n_examples: int, length: int, n_tokens: int, rng: np.random.Generator
) -> Int[np.ndarray, "examples n"]:
    """Random sequences of one split: a fixed hash of the sequence says to which it belongs."""
    found = np.empty((0, length), int)
    place = np.uint64(n_tokens) ** np.arange(length, dtype=np.uint64)
    while len(found) < n_examples:
        drawn = rng.integers(n_tokens, size=(HELD_OUT * n_examples, length))
        number = (drawn.astype(np.uint64) * place).sum(axis=1, dtype=np.uint64)
        mixed = (number * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)  # Fibonacci hashing (Knuth, vol. 3)
        found = np.concatenate([found, drawn[(mixed % HELD_OUT == 0) == (split == "test")]])
    return found[:n_examples]
