"""Exercise `causal_mask` (lesson 04): which keys are not later than the query."""

import numpy as np

from course_lib import by_hand
from course_lib.checks import Case, Exercise
from course_lib.checks.forbids import BESIDE_NUMPY

# ------------------------------------------------------------------ a solution, and other right ways


def causal_mask(n_q, n_k):
    position_of_query = np.arange(n_q)[:, None] + n_k - n_q
    return np.arange(n_k) <= position_of_query


def with_tril(n_q, n_k):
    return np.tril(np.ones((n_q, n_k), dtype=bool), k=n_k - n_q)


def with_lists(n_q, n_k):
    past = n_k - n_q
    return [[key <= past + query for key in range(n_k)] for query in range(n_q)]


def last_rows_of_the_square(n_q, n_k):
    square = ~np.triu(np.ones((n_k, n_k), dtype=bool), k=1)
    return square[n_k - n_q :]


def one_row_at_a_time(n_q, n_k):
    mask = np.full((n_q, n_k), False)
    for i in range(n_q):
        mask[i, : n_k - n_q + i + 1] = True
    return mask


# ------------------------------------------------------------------ stored wrong answers


def first_positions(n_q, n_k):
    """Your triangle starts in the upper left corner: the queries are the LAST n_q of n_k positions, so the
    last query sees every key."""
    return np.tril(np.ones((n_q, n_k), bool))


def not_its_own_position(n_q, n_k):
    """A query may see its own position too: compare with <=, not with <."""
    return np.arange(n_k) < np.arange(n_q)[:, None] + n_k - n_q


def one_position_ahead(n_q, n_k):
    """Each query sees one key too many, the next token, which it should predict: the diagonal is one too
    high."""
    return np.tril(np.ones((n_q, n_k), bool), n_k - n_q + 1)


def shifted_the_wrong_way(n_q, n_k):
    """You shift by n_q - n_k: the queries come last, so their positions start at n_k - n_q."""
    return np.tril(np.ones((n_q, n_k), bool), n_q - n_k)


def true_means_hidden(n_q, n_k):
    """Your True marks what is to be hidden: in this course True means "may be attended"."""
    return ~causal_mask(n_q, n_k)


def only_the_future(n_q, n_k):
    """Your triangle lies on the wrong side: a query sees its own and EARLIER positions."""
    return np.triu(np.ones((n_q, n_k), bool), n_k - n_q)


def upper_left_future(n_q, n_k):
    """Your triangle lies on the wrong side and starts in the upper left corner: a query sees its own and
    earlier positions, and the queries come last."""
    return np.triu(np.ones((n_q, n_k), bool))


def future_hidden_upper_left(n_q, n_k):
    """You mark the future, counted from the upper left corner: mark what may be attended, with the queries
    as the last positions."""
    return np.triu(np.ones((n_q, n_k), bool), 1)


def only_itself(n_q, n_k):
    """Each query sees its own position alone: the earlier ones may be attended too."""
    return np.eye(n_q, n_k, k=n_k - n_q, dtype=bool)


def everything(n_q, n_k):
    """Nothing is hidden: a key later than its query must be False."""
    return np.ones((n_q, n_k), bool)


def infinities(n_q, n_k):
    """You return 0 and -inf, a mask to be added: here a mask is boolean, True where a key may be attended."""
    return np.where(causal_mask(n_q, n_k), 0.0, -np.inf)


def large_negative_numbers(n_q, n_k):
    """You return 0 and a large negative number, a mask to be added: here a mask is boolean, True where a key
    may be attended."""
    return np.where(causal_mask(n_q, n_k), 0.0, -1e9)


def queries_as_columns(n_q, n_k):
    """Rows are the queries, columns the keys: yours is the other way round, shape (n_k, n_q)."""
    return causal_mask(n_q, n_k).T


def all_positions_ask(n_q, n_k):
    """You return a row for each of the n_k positions: only the last n_q ask, so keep the last n_q rows."""
    return causal_mask(n_k, n_k)


def first_rows_of_the_square(n_q, n_k):
    """The columns stop at n_q: every query meets all n_k keys, so the mask has n_k columns."""
    return np.tril(np.ones((n_q, n_q), bool))


def whole_past_only(n_q, n_k):
    """All queries see the same keys: the earlier ones of the n_q new positions must be seen by the later new
    ones, and each by itself."""
    return np.arange(n_k) <= np.full((n_q, 1), n_k - n_q)


def counted_from_the_end(n_q, n_k):
    """The first query sees the most here, the last one the least: later positions see more."""
    return causal_mask(n_q, n_k)[::-1]


# ------------------------------------------------------------------ properties and cases


def last_query_sees_all(seen):
    """The last query stands at the last position, so every key may be attended."""
    return all(np.all(case.outputs["mask"][-1] == 1) for case in seen.values())


def each_sees_itself(seen):
    """Each query sees its own position: the first of 4 queries to 4 keys sees key 0."""
    return all(np.all(np.diag(case.outputs["mask"][:, ::-1][::-1]) == 1) for case in seen.values())


def long_text(rng):
    n_k = int(rng.integers(60, 240))
    return int(rng.integers(5, n_k - 5)), n_k


EXERCISE = Exercise(
    id="causal_mask",
    contract=(
        "causal_mask(n_q, n_k) -> mask (n_q, n_k) bool; True where the key is not later than the query; the "
        "queries are the last n_q of n_k positions, n_q <= n_k."
    ),
    minutes=6,
    difficulty=2,
    points=1,
    arguments={"n_q": (), "n_k": ()},
    outputs={"mask": ("n_q", "n_k")},
    cases=[
        Case("3 queries, 5 keys", lambda rng: (3, 5), weight=3),
        Case("as many queries as keys", lambda rng: (4, 4)),
        Case("2 queries, 3 keys", lambda rng: (2, 3)),
        Case("one query, the newest token", lambda rng: (1, 4)),
        Case("one token", lambda rng: (1, 1)),
        Case("2 queries, 7 keys", lambda rng: (2, 7)),
        Case("a long text", long_text),
        Case("another long text", long_text),
    ],
    reference=by_hand.causal_mask,
    solution=causal_mask,
    right=[causal_mask, with_tril, with_lists, last_rows_of_the_square, one_row_at_a_time],
    wrong=[
        first_positions,
        not_its_own_position,
        one_position_ahead,
        shifted_the_wrong_way,
        true_means_hidden,
        only_the_future,
        upper_left_future,
        future_hidden_upper_left,
        only_itself,
        everything,
        infinities,
        large_negative_numbers,
        queries_as_columns,
        all_positions_ask,
        first_rows_of_the_square,
        whole_past_only,
        counted_from_the_end,
    ],
    properties=[last_query_sees_all, each_sees_itself],
    hints=[
        "With 3 queries and 5 keys, at which positions (counted from 0) do the three queries stand?",
        "Make a column of the queries' positions and a row of the keys' positions, and compare the two.",
        "`np.arange(n_k) <= np.arange(n_q)[:, None] + n_k - n_q`",
    ],
    forbids=BESIDE_NUMPY,
)
