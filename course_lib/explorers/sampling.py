"""From a distribution to a token and to a sentence: temperature, top-k, top-p, draws; and beam search.

Both examples are built by hand, not measured on a model.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import traitlets

from course_lib import by_hand
from course_lib.explorers import still
from course_lib.explorers.attention import whole
from course_lib.explorers.base import Explorer, Number, literal
from course_lib.palette import INK, KEY, QUERY, QUIET, VALUE

VIEWS = ("next", "tree")
MOST_TOKENS, MOST_DRAWS, MOST_BEAM, MOST_ROWS, MOST_DEPTH = 32, 5000, 4, 40, 6
PROMPT = "The cat sat on the"
TOKENS = (
    "mat", "floor", "sofa", "bed", "roof", "table", "fence", "moon", "keyboard", "idea", "of", "seven",
)  # fmt: skip
PROBABILITIES = (0.3, 0.2, 0.13, 0.1, 0.08, 0.06, 0.04, 0.03, 0.025, 0.015, 0.012, 0.008)
ALIKE = 0.005  # probabilities that differ by less print alike

# The tree: probability of each next word. Greedy takes 'sat'; the likeliest sentence begins with 'slept'.
START = "The cat"
TREE = {
    (): {"sat": 0.4, "chased": 0.32, "slept": 0.28},
    ("sat",): {"down": 0.4, "on": 0.35, "still": 0.25},
    ("chased",): {"mice": 0.6, "it": 0.4},
    ("slept",): {"soundly": 0.9, "in": 0.1},
    ("sat", "down"): {".": 0.55, "again": 0.45},
    ("sat", "on"): {"mats": 0.5, "me": 0.5},
    ("sat", "still"): {".": 0.9, "for": 0.1},
    ("chased", "mice"): {".": 0.75, "away": 0.25},
    ("chased", "it"): {"off": 0.7, ".": 0.3},
    ("slept", "soundly"): {".": 0.9, "on": 0.1},
    ("slept", "in"): {"bed": 0.6, "peace": 0.4},
}
EOS = "."


# ------------------------------------------------------------------ traits


class View(traitlets.TraitType):
    """One of the two pictures."""

    def validate(self, owner, value):
        if value not in VIEWS:
            raise ValueError(f"{self.name} must be one of {', '.join(map(repr, VIEWS))}; got {value!r}")
        return value


class Cut(Number):
    """A number within bounds, or None where nothing is cut."""

    def validate(self, owner, value):
        if value is None:
            return None
        value = super().validate(owner, value)
        if self.name == "top_k" and value > len(owner.tokens):
            raise ValueError(f"top_k must be from 1 to {len(owner.tokens)} or None; got {value}")
        return value


# ------------------------------------------------------------------ the tree of a beam search


@dataclass(frozen=True)
class Search:
    """What a beam of one width does with a tree: what it looked at and kept, and where it ends."""

    seen: set[tuple]
    kept: set[tuple]
    best: tuple
    score: float


class Tree:
    """Continuations of each prefix with their log-probabilities, searched with beams of 1 to 4."""

    def __init__(self, logp: Mapping, eos: str, alpha: float):
        self.eos, self.alpha = eos, alpha
        self.next = checked_tree(logp, eos)
        self.depth = 1 + max(map(len, self.next))
        self.totals: dict[tuple, float] = {(): 0.0}
        for prefix in sorted(self.next, key=len):
            for token, logp_token in self.next[prefix].items():
                self.totals[*prefix, token] = self.totals[prefix] + logp_token
        self.ends = [t for t in self.totals if t and t not in self.next]
        self.best = max(self.ends, key=self.score)
        self.searches = [self._search(beam) for beam in range(1, MOST_BEAM + 1)]

    def score(self, tokens: tuple) -> float:
        """Log-probability / length**alpha."""
        return self.totals[tokens] / len(tokens) ** self.alpha

    def _search(self, beam: int) -> Search:
        given = (lambda prefix: self.next.get(prefix[1:], {}), "", self.eos, beam, self.depth)
        looked = [candidate for step in by_hand.beam_steps(*given) for candidate in step]
        best, score = by_hand.beam_search(*given, self.alpha)
        kept = {tokens for tokens, _, stays in looked if stays}
        return Search({tokens for tokens, *_ in looked}, kept, tuple(best), score)

    def drawn(self) -> list[tuple]:
        """The prefixes to draw, parents first, siblings by probability: what any of the beams looked at.

        Of one prefix at most four continuations, as no beam here keeps more, and those of the best sentence.
        """
        wanted = {tokens for search in self.searches for tokens in search.seen}
        wanted |= {self.best[:i] for i in range(1, len(self.best) + 1)}

        def below(prefix):
            children = sorted(self.next.get(prefix, ()), key=lambda t: -self.next[prefix][t])
            for i, token in enumerate(children):
                longer = (*prefix, token)
                if longer in wanted and (i < MOST_BEAM or longer == self.best[: len(longer)]):
                    yield longer
                    yield from below(longer)

        return list(below(()))


def checked_tree(logp: Mapping, eos: str) -> dict[tuple, dict[str, float]]:
    """The tree with tuples as prefixes; ValueError where a number or a prefix is wrong or missing."""
    if not isinstance(logp, Mapping) or () not in logp:
        raise ValueError(
            "logp must be a dict from prefixes (tuples of tokens, the first is ()) to dicts "
            f"token -> log-probability; got {logp!r:.60}"
        )
    tree = {}
    for prefix, following in logp.items():
        if not isinstance(prefix, tuple) or not isinstance(following, Mapping) or not following:
            raise ValueError(
                f"logp[{prefix!r}] must be a dict token -> log-probability; got {following!r:.60}"
            )
        tree[prefix] = {str(token): float(value) for token, value in following.items()}
        for token, value in tree[prefix].items():
            if not (math.isfinite(value) and value <= 1e-6):
                raise ValueError(
                    f"logp[{prefix!r}][{token!r}] must be the log of a probability, at most 0; got {value:g}"
                )
    depth = 1 + max(map(len, tree))
    if depth > MOST_DEPTH:
        raise ValueError(f"logp may hold sentences of up to {MOST_DEPTH} tokens; got {depth}")
    for prefix in tree:
        if prefix and (prefix[:-1] not in tree or prefix[-1] not in tree[prefix[:-1]]):
            raise ValueError(f"logp has {prefix!r}, but no log-probability for its last token")
        for token in tree[prefix]:
            longer = (*prefix, token)
            if token != eos and len(longer) < depth and longer not in tree:
                raise ValueError(f"logp must say how {longer!r} goes on; it is not finished ({eos!r})")
            if token == eos and longer in tree:
                raise ValueError(f"logp goes on after {longer!r}, which is finished")
    return tree


def sentence(tokens: Sequence[str]) -> str:
    """Tokens as one reads them: no space before a full stop, letters side by side."""
    if len(tokens) > 1 and all(len(token) == 1 for token in tokens):
        return "".join(tokens)
    text = " ".join(tokens)
    return text.replace(" .", ".").replace(" ,", ",")


# ------------------------------------------------------------------ the explorer


class SamplingExplorer(Explorer):
    """How the next token is drawn, how often it was, and how wide a beam searches."""

    FAMILY = "sampling"
    TITLE = "Which token comes next?"

    view = View("next").tag(sync=True, state=True)
    temperature = Number(1.0, low=0, high=3).tag(sync=True, state=True)
    top_k = Cut(None, low=1, whole=True).tag(sync=True, state=True)
    top_p = Cut(None, low=0.05, high=1).tag(sync=True, state=True)
    draws = Number(0, low=0, high=MOST_DRAWS, whole=True).tag(sync=True, state=True)
    beam = Number(1, low=1, high=MOST_BEAM, whole=True).tag(sync=True, state=True)

    def __init__(self, logits, tokens, tree, prompts, distribution, given, seed, predict=True, **more):
        self.logits, self.tokens, self.tree, self.prompts, self.seed = logits, tokens, tree, prompts, seed
        self._distribution, self._given = distribution, given
        own = distribution is not None
        if len(tokens) > 3 and not own:
            self.CHALLENGE = (
                "Leave three tokens, as even as they get: entropy above 1.07 of at most 1.10.",
                "kept > 2.5 and kept < 3.5 and entropy > 1.07",
            )
        super().__init__(predict=predict and not own, python=own, **more)

    # -- results

    @property
    def probabilities(self) -> np.ndarray:
        """What the next token is drawn from (n,), in the order of the tokens; the own function's if any."""
        if self._distribution is None:
            return by_hand.next_token_distribution(self.logits, self.temperature, self.top_k, self.top_p)
        answer = self._distribution(self._given, self.temperature, self.top_k, self.top_p)
        return checked_distribution(answer, len(self.tokens))

    @property
    def counts(self) -> np.ndarray:
        """How often each token came in the draws so far (n,)."""
        return self._counts(self.probabilities)

    def _counts(self, p: np.ndarray) -> np.ndarray:
        drawn = by_hand.draw_tokens(p, by_hand.uniform_draws(self.seed, self.draws))
        return np.bincount(drawn, minlength=len(p))

    @property
    def entropy(self) -> float:
        """Entropy in nats of what is drawn from."""
        return self.compute()["entropy"]

    @property
    def search(self) -> Search:
        """What the beam of the present width does: .best (tokens), .score, .seen and .kept (prefixes)."""
        return self.tree.searches[self.beam - 1]

    def compute(self) -> dict:
        p, before = self.probabilities, by_hand.softmax(self.logits)
        counts, total = self._counts(p), float(p.sum())
        return {
            "probabilities": p,
            "before": before,
            "entropy": float(by_hand.entropy(p)),
            "entropy_before": float(by_hand.entropy(before)),
            "kept": int((p > 0).sum()),
            "total": total,
            "counts": counts,
            "gap": float(np.abs(counts / self.draws - p / total).max()) if self.draws else 0.0,
            "beam_score": self.search.score,
            "best_score": self.tree.score(self.tree.best),
        }

    # -- words

    def words(self, results: Mapping) -> str:
        return self._about_next(results) if self.view == "next" else self._about_tree(self.beam)

    def _about_next(self, results: Mapping) -> str:
        p, before, n = results["probabilities"], results["before"], len(self.tokens)
        top = int(p.argmax())
        name, T = f"'{self.tokens[top]}'", still.num(self.temperature)
        numbers = f"{still.num(p[top])} ({still.num(before[top])} before)"
        if self.temperature == 0 and results["kept"] == 1:
            said = f"Temperature 0 is greedy: {name} is taken every time."
        elif top == before.argmax():
            said = f"At temperature {T} {name} is still the likeliest: {numbers}."
        else:
            said = f"At temperature {T} {name} is now the likeliest: {numbers}."
        if results["kept"] < n:
            left = "1 token is" if results["kept"] == 1 else f"{results['kept']} tokens are"
            said += f" {left} left of {n}, the others cannot come."
        said += (
            f" Entropy {still.num(results['entropy'])} nats, {still.num(results['entropy_before'])} before."
        )
        if abs(results["total"] - 1) > ALIKE:
            said += f" These probabilities sum to {still.num(results['total'])}, not to 1."
        if self.draws:
            share = p[top] / results["total"]
            times = "1 draw" if self.draws == 1 else f"{self.draws} draws"
            came = int(results["counts"][top])
            said += f" Of {times} {came} gave {name}; {still.num(share * self.draws, 1)} are expected."
        return said

    def _about_tree(self, beam: int) -> str:
        tree, search = self.tree, self.tree.searches[beam - 1]
        who = "Beam 1, greedy," if beam == 1 else f"Beam {beam}"

        def measured(tokens):
            log = f"log-probability {still.num(tree.totals[tokens])}"
            if tree.alpha:
                log = f"score {still.num(tree.score(tokens))}"
            return f"'{sentence(tokens)}' ({still.num(math.exp(tree.totals[tokens]))}, {log})"

        said = f"{who} looks at {len(search.seen)} beginnings and ends with {measured(search.best)}."
        if search.best == tree.best:
            return f"{said} That is the best of all {len(tree.ends)} sentences."
        lost = next(i for i in range(1, len(tree.best) + 1) if tree.best[:i] not in search.kept)
        start = sentence(tree.best[:lost])
        return (
            f"{said} The best of all {len(tree.ends)} is {measured(tree.best)}: "
            f"its beginning '{start}' was dropped at step {lost}."
        )

    # -- card

    def presets(self) -> dict[str, dict]:
        plain = {"view": "next", "temperature": 1.0, "top_k": None, "top_p": None}
        few = min(3, len(self.tokens))
        return {
            "Cold": {**plain, "temperature": 0.5},
            "Hot": {**plain, "temperature": 2.0},
            "Greedy": {**plain, "temperature": 0.0},
            f"Top-k {few}": {**plain, "top_k": few},
            "Top-p 0.9": {**plain, "top_p": 0.9},
            "Greedy search": {"view": "tree", "beam": 1},
            "Beam of 3": {"view": "tree", "beam": 3},
        }

    def prediction(self) -> dict | None:
        order = np.argsort(-self.logits, kind="stable")
        if len(order) < 3 or self.logits[order[0]] == self.logits[order[1]]:
            return None
        top, last = self.tokens[order[0]], self.tokens[order[-1]]
        cold, hot = (by_hand.next_token_distribution(self.logits, T) for T in (1, 2))
        rare = f"'{last}' rises from {still.num(cold[order[-1]], 3)} to {still.num(hot[order[-1]], 3)}"
        why = (
            "All scores are divided by the same number, so their order stays and nothing new is added. "
            f"Every unlikely token gains, good or bad: {rare}."
        )
        return {
            "question": f"The temperature rises from 1 to 2. What becomes of the likeliest token, '{top}'?",
            "choices": [
                "A more original one takes its place",
                "It stays the likeliest",
                "All become equally likely",
            ],
            "answer": "It stays the likeliest",
            "right": why,
            "wrong": {
                "A more original one takes its place": why,
                "All become equally likely": f"Only an endless temperature would do that. {why}",
            },
            "then": {"view": "next", "temperature": 2.0},
        }

    def facts(self) -> dict:
        return {
            "tokens": self.tokens,
            "logits": self.logits.tolist(),
            "order": np.argsort(-self.logits, kind="stable").tolist(),
            "prompts": self.prompts,
            "seed": self.seed,
            "tree": self._tree_facts(),
        }

    def _tree_facts(self) -> dict:
        """Nodes [parent, token, depth, row, probability] and what each beam does with them."""
        tree, drawn = self.tree, self.tree.drawn()
        rows = rows_of(drawn)
        if max(rows.values()) >= MOST_ROWS:
            raise ValueError(
                f"logp makes a tree of {max(rows.values()) + 1:.0f} rows; at most {MOST_ROWS} can be drawn"
            )
        place = {tokens: i for i, tokens in enumerate(drawn)}
        return {
            "nodes": [
                [place.get(t[:-1], -1), t[-1], len(t), rows[t], math.exp(tree.totals[t])] for t in drawn
            ],
            "root": rows[()],
            "depth": tree.depth,
            "best": place[tree.best],
            "best_score": tree.score(tree.best),
            "beams": [
                {
                    "status": [2 if t in search.kept else int(t in search.seen) for t in drawn],
                    "best": place[search.best],
                    "score": search.score,
                    "line": self._about_tree(beam),
                }
                for beam, search in enumerate(tree.searches, 1)
            ],
        }

    # -- still picture

    def still(self, results: Mapping) -> str:
        parts, height = self._still_next(results) if self.view == "next" else self._still_tree()
        return still.picture(680, height, self.TITLE, self.words(results), *parts)

    def _still_next(self, results: Mapping) -> tuple[list[str], int]:
        p, before, counts = results["probabilities"], results["before"], results["counts"]
        n, high = len(self.tokens), 24
        shares = counts / max(self.draws, 1)
        scale = 120 / max(0.4, before.max(), p.max(), shares.max())
        parts = [still.text(20, 14, f"{self.prompts[0]} …", colour=QUIET)] if self.prompts[0] else []
        for x, words in ((130, "the model says"), (310, "drawn from"), (490, f"drawn {self.draws} times")):
            parts.append(still.text(x, 36, words, bold=True))
        for row, i in enumerate(np.argsort(-self.logits, kind="stable")):
            y = 46 + row * high
            parts.append(still.text(120, y + 15, cut_to(self.tokens[i], 14), "end"))
            parts.append(still.rect(130, y + 4, max(before[i] * scale, 1), 14, QUIET))
            parts.append(still.text(136 + before[i] * scale, y + 15, probability(before[i])))
            if p[i] > 0:
                parts.append(still.rect(310, y + 4, max(p[i] * scale, 1), 14, KEY))
                parts.append(still.text(316 + p[i] * scale, y + 15, probability(p[i]), bold=True))
            else:
                parts.append(still.hatch(310, y + 4, max(before[i] * scale, 6), 14))
                parts.append(still.text(322 + before[i] * scale, y + 15, "cut", colour=QUIET))
            if self.draws:
                parts.append(still.rect(490, y + 4, shares[i] * scale, 14, VALUE))
                parts.append(still.text(496 + shares[i] * scale, y + 15, str(counts[i])))
        return parts, 52 + n * high

    def _still_tree(self) -> tuple[list[str], int]:
        facts = self._tree_facts()
        beam, nodes = facts["beams"][self.beam - 1], facts["nodes"]
        wide, high, top = 500 / facts["depth"], 24, 24
        rows = 1 + max(row for _, _, _, row, _ in nodes)
        at = [(110 + depth * wide, top + row * high) for _, _, depth, row, _ in nodes]
        root = (110.0, top + facts["root"] * high)
        path = ancestors(nodes, beam["best"])
        parts = [still.text(104, root[1] + 4, cut_to(self.prompts[1], 12), "end", bold=True)]
        for i, (parent, token, _, _, p) in enumerate(nodes):
            x, y = at[i]
            x0, y0 = (at[parent][0] - 6, at[parent][1]) if parent >= 0 else root
            status = beam["status"][i]
            colour = QUERY if i in path else KEY if status == 2 else QUIET
            left = x - wide + 92 if parent >= 0 else x0
            parts.append(
                still.line(left, y0, x - 10, y, colour, 2.5 if i in path else 1.2, dashed=status == 0)
            )
            words = f"{cut_to(token, 9)} {still.num(p)}" + (" ×" if status == 1 else "")
            parts.append(
                still.text(x - 6, y + 4, words, colour=INK if status == 2 else QUIET, bold=i in path)
            )
        x, y = at[facts["best"]]
        parts.append(still.text(x + 52, y + 4, "best of all", colour=VALUE, bold=True, size=12))
        key = "Blue: kept. ×: looked at and dropped. Dashed: never looked at."
        parts.append(still.text(20, top + rows * high + 12, key, colour=QUIET, size=12))
        return parts, top + rows * high + 18


def rows_of(drawn: list[tuple]) -> dict[tuple, float]:
    """Rows of a drawn tree: those without children one below the other, each parent amid its children."""
    parents = {tokens[:-1] for tokens in drawn}
    ends = [tokens for tokens in drawn if tokens not in parents]
    rows: dict[tuple, float] = {tokens: float(i) for i, tokens in enumerate(ends)}
    for parent in sorted(parents, key=len, reverse=True):
        own = [rows[tokens] for tokens in drawn if tokens[:-1] == parent]
        rows[parent] = (min(own) + max(own)) / 2
    return rows


def ancestors(nodes: list[list], i: int) -> set[int]:
    """A node and all on the way to it."""
    path = set()
    while i >= 0:
        path.add(i)
        i = nodes[i][0]
    return path


def cut_to(text: str, length: int) -> str:
    text = text.replace("\n", "⏎") if text.strip(" ") else text.replace(" ", "␣")
    return text if len(text) <= length else text[: length - 1] + "…"


def probability(p: float) -> str:
    """A probability in two decimals, three where it is small."""
    return still.num(p, 2 if p >= 0.0995 or p == 0 else 3)


# ------------------------------------------------------------------ the factory


def checked_distribution(answer: object, n: int) -> np.ndarray:
    """Probabilities (n,) that an own function returned; ValueError says what is wrong."""
    if answer is None:
        raise ValueError("your function returned nothing: is a `return` missing?")
    try:
        p = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"your function must return {n} numbers; got {type(answer).__name__}") from None
    if p.shape != (n,):
        raise ValueError(f"your function must return shape ({n},); it returned {p.shape}")
    if not np.isfinite(p).all() or (p < 0).any() or p.sum() == 0:
        raise ValueError(f"probabilities must be finite, 0 or more, and not all 0; got {p.round(3).tolist()}")
    return p


def logits_of(given: object) -> tuple[np.ndarray, bool]:
    """Logits (n,) of logits or of probabilities (above 0, sum 1), and whether they were probabilities."""
    try:
        numbers = np.asarray(given, dtype=float)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"logits_or_probabilities must be numbers (n,); {str(error)[:100]}") from None
    if numbers.ndim != 1 or not 2 <= len(numbers) <= MOST_TOKENS or not np.isfinite(numbers).all():
        raise ValueError(
            f"logits_or_probabilities must be 2 to {MOST_TOKENS} finite numbers, such as the largest of a "
            f"larger vocabulary; got shape {numbers.shape}"
        )
    if (numbers >= 0).all() and abs(numbers.sum() - 1) < 1e-4:
        if not numbers.all():
            raise ValueError("probabilities must be above 0: leave out the tokens that cannot come")
        return np.log(numbers), True
    return numbers, False


def sampling_explorer(
    logits_or_probabilities=None,
    tokens: Sequence[str] | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    distribution: Callable | None = None,
    draws: int = 0,
    view: str = "next",
    beam: int = 1,
    logp: Mapping[tuple, Mapping[str, float]] | None = None,
    eos: str = EOS,
    alpha: float = 0.0,
    prompt: str | None = None,
    seed: int = 0,
    preset: str | None = None,
    predict: bool = True,
) -> SamplingExplorer:
    """Turn scores into the next token (view "next"), and grow sentences with a beam (view "tree").

    Without arguments both are built by hand. 2 to 32 numbers that are 0 or more and sum to 1 are taken as
    probabilities, others as logits; `tokens` names them. `distribution` is your next_token_distribution(
    logits, temperature, top_k, top_p) -> (n,): it gets the logits as you gave them, else a NumPy array.
    `logp` is the tree of your model, a dict from prefixes (tuples of tokens, the first is ()) to dicts
    token -> log-probability, up to 6 tokens deep; a sentence ends with `eos` or at full depth. A beam of 1 to
    4 searches it; score: log-probability / length**alpha. `prompt` is what stands before.
    Results: .probabilities (n,), .counts (n,) of the draws (the same for a seed), .entropy in nats, .search.
    ValueError names the argument. Sources: Holtzman et al. 2020, section 3; Graves 2012.
    """
    fixed: dict[str, object] = {}
    logits, were_probabilities = logits_of(
        PROBABILITIES if logits_or_probabilities is None else logits_or_probabilities
    )
    if logits_or_probabilities is not None:
        shown = np.exp(logits) if were_probabilities else logits
        fixed["logits_or_probabilities"] = literal([round(float(x), 6) for x in shown])
    if tokens is None:
        plain = logits_or_probabilities is None
        names = list(TOKENS) if plain else [f"token {i}" for i in range(len(logits))]
    else:
        names = [str(token) for token in tokens]
        fixed["tokens"] = literal(names)
    if len(names) != len(logits) or len(set(names)) < len(names):
        raise ValueError(f"tokens must be {len(logits)} different names; got {names!r:.80}")
    if distribution is not None and not callable(distribution):
        raise ValueError(f"distribution must be a function of the logits; got {distribution!r:.60}")
    if distribution is not None:
        name = getattr(distribution, "__name__", "")
        fixed["distribution"] = name if name.isidentifier() else "distribution"
    if not (isinstance(alpha, (int, float)) and 0 <= alpha < math.inf):
        raise ValueError(f"alpha must be 0 or a positive number; got {alpha!r}")
    built = {prefix: {t: math.log(p) for t, p in row.items()} for prefix, row in TREE.items()}
    tree = Tree(built if logp is None else logp, eos, float(alpha))
    fixed |= {} if logp is None else {"logp": "logp"}
    seed = whole("seed", seed, 0, 2**32 - 1)
    usual = {"eos": EOS, "alpha": 0.0, "prompt": None, "seed": 0}
    now = {"eos": eos, "alpha": alpha, "prompt": prompt, "seed": seed}
    fixed |= {key: literal(value) for key, value in now.items() if value != usual[key]}
    prompts = [
        prompt if prompt is not None else PROMPT if logits_or_probabilities is None else "",
        prompt if prompt is not None else START if logp is None else "start",
    ]
    as_given = logits if logits_or_probabilities is None or were_probabilities else logits_or_probabilities
    return SamplingExplorer(
        logits, names, tree, prompts, distribution, as_given, seed, fixed=fixed, preset=preset,
        predict=predict, temperature=temperature, top_k=top_k, top_p=None if top_p == 1 else top_p,
        draws=draws, view=view, beam=beam,
    )  # fmt: skip
