"""Exercise `beam_search` (lesson 15): several prefixes at once, and the best sentence among them."""

import math
from itertools import product

from course_lib import decoding
from course_lib.checks import Case, Exercise, Made

# ------------------------------------------------------------------ a solution, and other right ways


def beam_search(logp, bos, eos, beam, max_len, alpha):
    live, finished = [((), 0.0)], []
    for _ in range(max_len):
        longer = []
        for tokens, total in live:
            for token, more in logp((bos, *tokens)).items():
                longer.append(((*tokens, token), total + more))
        best = sorted(longer, key=lambda candidate: -candidate[1])[:beam]
        finished += [candidate for candidate in best if candidate[0][-1] == eos]
        live = [candidate for candidate in best if candidate[0][-1] != eos]
    scored = [(total / len(tokens) ** alpha, tokens) for tokens, total in finished + live]
    score, tokens = max(scored, key=lambda pair: pair[0])
    return list(tokens), score


def with_prefixes(logp, bos, eos, beam, max_len, alpha):
    beams, ended = [([bos], 0.0)], []
    while beams and len(beams[0][0]) <= max_len:
        candidates = [
            ([*prefix, token], total + more)
            for prefix, total in beams
            for token, more in logp(tuple(prefix)).items()
        ]
        candidates.sort(key=lambda pair: pair[1], reverse=True)
        beams = []
        for prefix, total in candidates[:beam]:
            (ended if prefix[-1] == eos else beams).append((prefix, total))
    best, best_score = None, -math.inf
    for prefix, total in ended + beams:
        score = total / (len(prefix) - 1) ** alpha
        if score > best_score:
            best, best_score = prefix[1:], score
    return best, best_score


def with_numbers(logp, bos, eos, beam, max_len, alpha):
    live, found = {(bos,): 0.0}, {}
    for step in range(1, max_len + 1):
        grown = {
            (*prefix, token): total + gain
            for prefix, total in live.items()
            for token, gain in logp(prefix).items()
        }
        kept = sorted(grown, key=grown.get, reverse=True)[:beam]
        live = {prefix: grown[prefix] for prefix in kept if prefix[-1] != eos}
        found |= {prefix: grown[prefix] / step**alpha for prefix in kept if prefix[-1] == eos}
    found |= {prefix: total / max_len**alpha for prefix, total in live.items()}
    best = max(found, key=found.get)
    return list(best[1:]), found[best]


# ------------------------------------------------------------------ stored wrong answers


def searched(logp, bos, eos, beam, max_len, alpha, **changes):
    """The solution in steps, each of which a wrong answer can replace."""
    steps = STEPS | changes
    live, finished = [((), 0.0)], []
    for _ in range(max_len):
        longer = [
            ((*tokens, token), steps["add"](total, more))
            for tokens, total in live
            for token, more in logp((bos, *tokens)).items()
        ]
        best = steps["best"](longer, beam, eos)
        finished += [candidate for candidate in best if candidate[0][-1] == eos]
        live = [candidate for candidate in best if candidate[0][-1] != eos]
        if steps["stop"](finished, live, beam):
            break
    scored = [
        (steps["score"](total, tokens, alpha), tokens) for tokens, total in steps["pool"](finished, live)
    ]
    score, tokens = steps["pick"](scored)
    return steps["give"](tokens, score)


STEPS = {
    "add": lambda total, more: total + more,
    "best": lambda longer, beam, eos: sorted(longer, key=lambda c: -c[1])[:beam],
    "stop": lambda finished, live, beam: False,
    "pool": lambda finished, live: finished + live,
    "score": lambda total, tokens, alpha: total / len(tokens) ** alpha,
    "pick": lambda scored: max(scored, key=lambda pair: pair[0]),
    "give": lambda tokens, score: (list(tokens), score),
}


def greedy(logp, bos, eos, beam, max_len, alpha):
    """You keep one prefix alone: keep the `beam` best ones at each step."""
    return searched(logp, bos, eos, 1, max_len, alpha)


def best_of_each_prefix(logp, bos, eos, beam, max_len, alpha):
    """You keep the best continuation of each prefix: all continuations of all prefixes compete for the
    places."""

    def best(longer, beam, eos):
        leaders = {}
        for candidate in sorted(longer, key=lambda c: -c[1]):
            family = candidate[0][:-1]
            if family == () or family not in leaders:
                leaders[family if family else candidate[0]] = candidate
        return sorted(leaders.values(), key=lambda c: -c[1])[:beam]

    return searched(logp, bos, eos, beam, max_len, alpha, best=best)


def everything_kept(logp, bos, eos, beam, max_len, alpha):
    """You keep all prefixes: after each step the `beam` best stay."""
    return searched(logp, bos, eos, 10**6, max_len, alpha)


def one_more_place(logp, bos, eos, beam, max_len, alpha):
    """You keep one prefix too many: `beam` of them stay."""
    return searched(logp, bos, eos, beam + 1, max_len, alpha)


def finished_take_no_place(logp, bos, eos, beam, max_len, alpha):
    """A finished prefix takes no place in yours: it takes one of the `beam` places of its step, and the next
    step has fewer prefixes."""

    def best(longer, beam, eos):
        ranked = sorted(longer, key=lambda c: -c[1])
        going = [c for c in ranked if c[0][-1] != eos][:beam]
        ending = [c for c in ranked if c[0][-1] == eos][:beam]
        return going + ending

    return searched(logp, bos, eos, beam, max_len, alpha, best=best)


def stops_at_the_first_end(logp, bos, eos, beam, max_len, alpha):
    """You stop as soon as one prefix has ended: others may end later and be better."""
    return searched(logp, bos, eos, beam, max_len, alpha, stop=lambda finished, live, beam: bool(finished))


def first_end_returned(logp, bos, eos, beam, max_len, alpha):
    """You return the first prefix that ended: the best score of all decides."""
    return searched(logp, bos, eos, beam, max_len, alpha, pick=lambda scored: scored[0])


def cut_ones_forgotten(logp, bos, eos, beam, max_len, alpha):
    """Prefixes that are cut at max_len are lost in yours: they compete as they are."""
    return searched(logp, bos, eos, beam, max_len, alpha, pool=lambda finished, live: finished or live)


def finished_forgotten(logp, bos, eos, beam, max_len, alpha):
    """Prefixes that ended are lost in yours: put them aside, they compete at the end."""
    return searched(logp, bos, eos, beam, max_len, alpha, pool=lambda finished, live: live or finished)


def length_ignored(logp, bos, eos, beam, max_len, alpha):
    """alpha is not used: the sum is divided by length**alpha before the best is chosen."""
    return searched(logp, bos, eos, beam, max_len, 0.0)


def length_always_whole(logp, bos, eos, beam, max_len, alpha):
    """You divide by the length whatever alpha is: by length**alpha."""
    return searched(logp, bos, eos, beam, max_len, 1.0)


def length_multiplied(logp, bos, eos, beam, max_len, alpha):
    """You divide by alpha times the length: by the length to the power alpha."""
    return searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        score=lambda total, tokens, a: total / max(a * len(tokens), 1e-9),
    )


def length_counts_bos(logp, bos, eos, beam, max_len, alpha):
    """Your length counts bos: it counts eos and not bos."""
    return searched(
        logp, bos, eos, beam, max_len, alpha, score=lambda total, tokens, a: total / (len(tokens) + 1) ** a
    )


def length_without_eos(logp, bos, eos, beam, max_len, alpha):
    """Your length does not count eos: it does, and bos it does not."""
    return searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        score=lambda total, tokens, a: total / max(len(tokens) - (tokens[-1] == eos), 1) ** a,
    )


def wu_length(logp, bos, eos, beam, max_len, alpha):
    """You use the length of Wu et al. 2016, ((5 + n) / 6)**alpha; here it is n**alpha."""
    return searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        score=lambda total, tokens, a: total / ((5 + len(tokens)) / 6) ** a,
    )


def sum_without_the_length(logp, bos, eos, beam, max_len, alpha):
    """You choose by the score and return the plain sum: return the score, the sum / length**alpha."""
    tokens, score = searched(logp, bos, eos, beam, max_len, alpha)
    return tokens, score * len(tokens) ** alpha


def product_of_logs(logp, bos, eos, beam, max_len, alpha):
    """You multiply log-probabilities: logarithms are added."""
    return searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        add=lambda total, more: more if total == 0 else -abs(total * more),
    )


def sum_of_probabilities(logp, bos, eos, beam, max_len, alpha):
    """You add up probabilities: add the log-probabilities, as they come."""
    return searched(logp, bos, eos, beam, max_len, alpha, add=lambda total, more: total + math.exp(more))


def last_step_alone(logp, bos, eos, beam, max_len, alpha):
    """You compare the last step alone: the sum along the whole prefix counts."""
    return searched(logp, bos, eos, beam, max_len, alpha, add=lambda total, more: more)


def worst_ones(logp, bos, eos, beam, max_len, alpha):
    """You keep the least likely prefixes: the largest sums stay, so sort with reverse=True."""
    return searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        best=lambda longer, beam, eos: sorted(longer, key=lambda c: c[1])[:beam],
    )


def later_of_equals(logp, bos, eos, beam, max_len, alpha):
    """Of equal sums you keep the later candidate: the earlier one stays."""

    def best(longer, beam, eos):
        return sorted(longer[::-1], key=lambda c: -c[1])[:beam]

    return searched(logp, bos, eos, beam, max_len, alpha, best=best)


def later_of_equal_scores(logp, bos, eos, beam, max_len, alpha):
    """Of equal scores at the end you return the later: the earlier candidate wins."""
    return searched(
        logp, bos, eos, beam, max_len, alpha, pick=lambda scored: max(scored[::-1], key=lambda pair: pair[0])
    )


def one_token_more(logp, bos, eos, beam, max_len, alpha):
    """Your sentences can have max_len + 1 tokens: at most max_len are made, eos included."""
    return searched(logp, bos, eos, beam, max_len + 1, alpha)


def one_token_less(logp, bos, eos, beam, max_len, alpha):
    """You stop one token too early: max_len counts tokens that are made, bos is none of them."""
    return searched(logp, bos, eos, beam, max(max_len - 1, 1), alpha)


def with_bos(logp, bos, eos, beam, max_len, alpha):
    """bos is among your tokens: leave it out, eos stays in."""
    tokens, score = searched(logp, bos, eos, beam, max_len, alpha)
    return [bos, *tokens], score


def without_eos(logp, bos, eos, beam, max_len, alpha):
    """eos is missing from your tokens: it stays in, bos is left out."""
    tokens, score = searched(logp, bos, eos, beam, max_len, alpha)
    return [token for token in tokens if token != eos] or tokens, score


def goes_on_after_eos(logp, bos, eos, beam, max_len, alpha):
    """You go on after eos: a prefix that ends in eos is finished and leaves the beam."""
    live = [((), 0.0)]
    for _ in range(max_len):
        longer = [
            ((*tokens, token), total + more)
            for tokens, total in live
            for token, more in logp((bos, *tokens)).items()
        ]
        live = sorted(longer, key=lambda candidate: -candidate[1])[:beam]
    tokens, total = max(live, key=lambda candidate: candidate[1] / len(candidate[0]) ** alpha)
    return list(tokens), total / len(tokens) ** alpha


def reads_the_last_token(logp, bos, eos, beam, max_len, alpha):
    """You ask logp for the last token alone: it takes the whole prefix, bos in front."""
    return searched(
        lambda prefix: logp((bos,) if len(prefix) == 1 else (bos, prefix[-1])), bos, eos, beam, max_len, alpha
    )


def finished_alone(logp, bos, eos, beam, max_len, alpha):
    """You choose among finished prefixes alone, and there may be none: those cut at max_len compete as they
    are."""
    return searched(logp, bos, eos, beam, max_len, alpha, pool=lambda finished, live: finished)


def without_any_eos(logp, bos, eos, beam, max_len, alpha):
    """eos is missing from your tokens, and a sentence of eos alone is empty: it stays in, bos is left out."""
    tokens, score = searched(logp, bos, eos, beam, max_len, alpha)
    return [token for token in tokens if token != eos], score


def product_from_one(logp, bos, eos, beam, max_len, alpha):
    """You multiply log-probabilities, which turns the sign at each step: start with 0 and add."""
    live, finished = [((), 1.0)], []
    for _ in range(max_len):
        longer = [
            ((*tokens, token), total * more)
            for tokens, total in live
            for token, more in logp((bos, *tokens)).items()
        ]
        best = sorted(longer, key=lambda c: -c[1])[:beam]
        finished += [c for c in best if c[0][-1] == eos]
        live = [c for c in best if c[0][-1] != eos]
    tokens, total = max(finished + live, key=lambda c: c[1] / len(c[0]) ** alpha)
    return list(tokens), total / len(tokens) ** alpha


def tuples_sorted(logp, bos, eos, beam, max_len, alpha):
    """You sort tuples (sum, prefix): of equal sums the tokens then decide. Sort by the sum alone, key=..., so
    that the earlier candidate stays."""
    return searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        best=lambda longer, beam, eos: sorted(longer, key=lambda c: (c[1], c[0]), reverse=True)[:beam],
    )


def places_lost_for_good(logp, bos, eos, beam, max_len, alpha):
    """A finished prefix takes its place for good in yours: only in its own step, after that `beam` prefixes
    may stay again."""
    live, finished, places = [((), 0.0)], [], beam
    for _ in range(max_len):
        longer = [
            ((*tokens, token), total + more)
            for tokens, total in live
            for token, more in logp((bos, *tokens)).items()
        ]
        best = sorted(longer, key=lambda c: -c[1])[:places]
        live = [c for c in best if c[0][-1] != eos]
        finished += [c for c in best if c[0][-1] == eos]
        places = beam - len(finished)
    tokens, total = max(finished + live, key=lambda c: c[1] / len(c[0]) ** alpha)
    return list(tokens), total / len(tokens) ** alpha


def finished_stay_in_the_beam(logp, bos, eos, beam, max_len, alpha):
    """Finished prefixes stay in the beam and keep their places: put them aside, they leave it and compete at
    the end."""
    live = [((), 0.0)]
    for _ in range(max_len):
        longer = []
        for tokens, total in live:
            if tokens and tokens[-1] == eos:
                longer.append((tokens, total))
                continue
            longer += [((*tokens, t), total + more) for t, more in logp((bos, *tokens)).items()]
        live = sorted(longer, key=lambda c: -c[1])[:beam]
    tokens, total = max(live, key=lambda c: c[1] / len(c[0]) ** alpha)
    return list(tokens), total / len(tokens) ** alpha


def finished_stay_and_scores_decide(logp, bos, eos, beam, max_len, alpha):
    """Finished prefixes stay in the beam, and the places go by score: the sums decide who stays, and finished
    ones are put aside."""
    live = [((), 0.0)]
    for _ in range(max_len):
        longer = []
        for tokens, total in live:
            if tokens and tokens[-1] == eos:
                longer.append((tokens, total))
                continue
            longer += [((*tokens, t), total + more) for t, more in logp((bos, *tokens)).items()]
        live = sorted(longer, key=lambda c: -c[1] / len(c[0]) ** alpha)[:beam]
    tokens, total = max(live, key=lambda c: c[1] / len(c[0]) ** alpha)
    return list(tokens), total / len(tokens) ** alpha


def stops_when_as_many_have_ended(logp, bos, eos, beam, max_len, alpha):
    """You stop as soon as `beam` prefixes have ended: go on while prefixes are left, a longer one may be
    better."""
    return searched(
        logp, bos, eos, beam, max_len, alpha, stop=lambda finished, live, beam: len(finished) >= beam
    )


def times_length(logp, bos, eos, beam, max_len, alpha):
    """You multiply by length**alpha: log-probabilities are negative, so long sentences then lose even more.
    Divide."""
    return searched(
        logp, bos, eos, beam, max_len, alpha, score=lambda total, tokens, a: total * len(tokens) ** a
    )


def last_of_the_beam(logp, bos, eos, beam, max_len, alpha):
    """You return the best prefix by its sum and give its score: the score, sum / length**alpha, decides."""
    tokens, total = searched(
        logp,
        bos,
        eos,
        beam,
        max_len,
        alpha,
        score=lambda total, tokens, a: total,
    )
    return tokens, total / len(tokens) ** alpha


def two_of_each_prefix(logp, bos, eos, beam, max_len, alpha):
    """You take two continuations of each prefix whatever `beam` is: all of them compete, and `beam` stay."""

    def two(prefix):
        row = logp(prefix)
        return {token: row[token] for token in sorted(row, key=row.get, reverse=True)[:2]}

    return searched(two, bos, eos, beam, max_len, alpha)


def stops_when_the_best_has_ended(logp, bos, eos, beam, max_len, alpha):
    """You stop when a finished sum is larger than those of the prefixes: a longer one can still have the
    better score, sum / length**alpha."""

    def stop(finished, live, beam):
        return finished and live and max(c[1] for c in finished) >= live[0][1]

    return searched(logp, bos, eos, beam, max_len, alpha, stop=stop)


def divided_by_max_len(logp, bos, eos, beam, max_len, alpha):
    """You divide by max_len: divide by the length of the sentence itself."""
    return searched(logp, bos, eos, beam, max_len, alpha, score=lambda total, tokens, a: total / max_len**a)


def score_as_probability(logp, bos, eos, beam, max_len, alpha):
    """You return exp of the score: the score itself is asked for, sum / length**alpha."""
    tokens, score = searched(logp, bos, eos, beam, max_len, alpha)
    return tokens, math.exp(score)


def bos_not_given(logp, bos, eos, beam, max_len, alpha):
    """You leave bos out of the prefixes that logp is asked for: bos stands in front of each."""
    return searched(lambda prefix: logp(prefix[1:] or (bos,)), bos, eos, beam, max_len, alpha)


def last_end_returned(logp, bos, eos, beam, max_len, alpha):
    """You return the prefix that ended last: the best score of all decides."""
    return searched(logp, bos, eos, beam, max_len, alpha, pool=lambda finished, live: finished[-1:] or live)


def score_first(logp, bos, eos, beam, max_len, alpha):
    """You return the score first: (tokens, score)."""
    tokens, score = searched(logp, bos, eos, beam, max_len, alpha)
    return score, tokens


def places_filled_up(logp, bos, eos, beam, max_len, alpha):
    """You fill the places of finished prefixes with the next ones: a finished prefix takes one of the `beam`
    places of its step."""

    def best(longer, beam, eos):
        kept, going = [], 0
        for candidate in sorted(longer, key=lambda c: -c[1]):
            kept.append(candidate)
            going += candidate[0][-1] != eos
            if going == beam:
                break
        return kept

    return searched(logp, bos, eos, beam, max_len, alpha, best=best)


# ------------------------------------------------------------------ the exercise


def score_belongs_to_the_tokens(seen):
    """Your score is not that of your tokens: sum their log-probabilities, and divide by length**alpha."""
    for case in seen.values():
        tokens = [int(token) for token in case.outputs["tokens"]]
        table, bos, alpha = case.inputs["logp"].parts[0], case.inputs["bos"], case.inputs["alpha"]
        total, prefix = 0.0, (bos,)
        for token in tokens:
            total += dict(look_up(table)(prefix)).get(token, -math.inf)
            prefix = (*prefix, token)
        if not math.isclose(total / max(len(tokens), 1) ** alpha, float(case.outputs["score"]), abs_tol=1e-4):
            return False
    return True


BOS, EOS = 8, 9


def look_up(table):
    """logp out of a table: prefix without bos -> {token: probability}; "else" for all other prefixes."""

    def logp(prefix):
        row = table.get(tuple(prefix[1:]), table["else"])
        return {token: math.log(p) for token, p in row.items()}

    return logp


def model(table):
    return Made(look_up, table)


# Greedy takes 1 (0.6) and then has only 0.35 left; 2 (0.4) goes on with 0.9.
TRAP = {
    (): {1: 0.6, 2: 0.4},
    (1,): {3: 0.35, 4: 0.33, EOS: 0.32},
    (2,): {3: 0.9, EOS: 0.1},
    (2, 3): {EOS: 0.95, 4: 0.05},
    "else": {EOS: 0.6, 4: 0.4},
}
# A short sentence has the larger sum, a long one the larger mean.
LENGTHS = {
    (): {EOS: 0.3, 1: 0.45, 2: 0.25},
    (1,): {2: 0.7, EOS: 0.3},
    (1, 2): {3: 0.8, EOS: 0.2},
    (1, 2, 3): {EOS: 0.9, 1: 0.1},
    "else": {EOS: 0.5, 1: 0.3, 2: 0.2},
}
TIES = {(): {1: 0.5, 2: 0.5}, "else": {EOS: 0.5, 3: 0.5}}
# Each wider beam finds a better sentence.
LADDER = {
    (): {1: 0.4, 2: 0.35, 3: 0.25},
    (1,): {EOS: 0.4, 4: 0.3, 5: 0.3},
    (2,): {EOS: 0.6, 4: 0.4},
    (3,): {EOS: 0.95, 4: 0.05},
    "else": {EOS: 1.0},
}
# The best sentence begins with the least likely of four tokens.
FOURTH = {
    (): {1: 0.3, 2: 0.27, 3: 0.23, 4: 0.2},
    (4,): {EOS: 0.9, 1: 0.1},
    "else": {EOS: 0.4, 1: 0.3, 2: 0.3},
}
# Other ids: bos is 3, eos is 0.
OTHER_IDS = {
    (): {9: 0.6, 8: 0.4},
    (9,): {8: 0.4, 9: 0.3, 0: 0.3},
    (8,): {9: 0.9, 0: 0.1},
    (8, 9): {0: 0.8, 8: 0.2},
    "else": {0: 0.5, 8: 0.5},
}
# Two ends early take both places of a beam of 2.
EARLY = {
    (): {EOS: 0.5, 1: 0.3, 2: 0.2},
    (1,): {EOS: 0.6, 2: 0.4},
    (1, 2): {EOS: 1.0},
    (2,): {3: 0.99, EOS: 0.01},
    (2, 3): {EOS: 1.0},
    "else": {EOS: 1.0},
}
# With a beam of 2 an early end is overtaken at step 2, and is the best at last.
OVERTAKEN = {
    (): {1: 0.7, EOS: 0.2, 2: 0.1},
    (1,): {2: 0.6, 1: 0.3, EOS: 0.1},
    (1, 1): {EOS: 0.7, 1: 0.2, 2: 0.1},
    (1, 2): {2: 0.6, EOS: 0.3, 1: 0.1},
    "else": {EOS: 0.6, 1: 0.3, 2: 0.1},
}
# An early end that kept its place would drive out the start of the best sentence.
HELD = {
    (): {EOS: 0.45, 2: 0.35, 1: 0.2},
    (1,): {1: 0.7, EOS: 0.2, 2: 0.1},
    (2,): {EOS: 0.45, 1: 0.35, 2: 0.2},
    (1, 1): {EOS: 0.45, 1: 0.35, 2: 0.2},
    (2, 1): {2: 0.6, 1: 0.3, EOS: 0.1},
    "else": {EOS: 0.6, 1: 0.3, 2: 0.1},
}
NEVER = {(): {1: 0.7, 2: 0.3}, "else": {1: 0.4, 2: 0.6}}


def random_table(rng, depth=3, tokens=(1, 2, 3, EOS)):
    """Any probabilities for all prefixes of at most `depth` tokens."""
    table = {}
    for n in range(depth + 1):
        for prefix in product(tokens[:-1], repeat=n):
            sizes = rng.dirichlet([1.0] * len(tokens))
            table[prefix] = {token: float(p) for token, p in zip(tokens, sizes, strict=True)}
    return {**table, "else": {EOS: 1.0}}


def case(name, table, beam, max_len, alpha, weight=1.0):
    made = table if callable(table) else (lambda rng: table)
    return Case(name, lambda rng: (model(made(rng)), BOS, EOS, beam, max_len, alpha), weight=weight)


EXERCISE = Exercise(
    id="beam_search",
    contract=(
        "beam_search(logp, bos, eos, beam, max_len, alpha) -> (tokens, score); logp(prefix tuple, bos first) "
        "-> dict token -> log-probability. The beam best prefixes by sum stay; one that ends in eos is "
        "finished and leaves. Best sum / length**alpha; tokens and length count eos and not bos; of equals "
        "the earlier."
    ),
    minutes=30,
    difficulty=4,
    points=4,
    arguments={"logp": (), "bos": (), "eos": (), "beam": (), "max_len": (), "alpha": ()},
    outputs={"tokens": ("n",), "score": ()},
    cases=[
        case("greedy walks into a trap", TRAP, 2, 4, 0.0, weight=3),
        case("the same with a beam of 1", TRAP, 1, 4, 0.0),
        case("the same with a beam of 3", TRAP, 3, 4, 0.0),
        case("a long sentence, alpha 1", LENGTHS, 2, 5, 1.0, weight=2),
        case("the same, alpha 0", LENGTHS, 2, 5, 0.0),
        case("the same, alpha 0.5", LENGTHS, 3, 5, 0.5),
        case("cut at two tokens", LENGTHS, 2, 2, 1.0),
        case("all equal", TIES, 2, 3, 0.0),
        case("all equal, a beam of 1", TIES, 1, 3, 0.0),
        case("all equal, alpha 1", TIES, 3, 3, 1.0),
        case("early ends take places", EARLY, 2, 4, 0.0),
        case("early ends, alpha 2", EARLY, 2, 4, 2.0),
        case("no end within reach", NEVER, 2, 3, 0.7),
        case("one token at most", TRAP, 2, 1, 1.0),
        case("any probabilities, beam 2", random_table, 2, 4, 0.0),
        case("wider is better, beam 1", LADDER, 1, 3, 0.0),
        case("wider is better, beam 2", LADDER, 2, 3, 0.0),
        case("wider is better, beam 3", LADDER, 3, 3, 0.0),
        case("the fourth token, beam 4", FOURTH, 4, 3, 0.0),
        Case("other ids", lambda rng: (model(OTHER_IDS), 3, 0, 2, 4, 1.0)),
        case("an early end is overtaken", OVERTAKEN, 2, 4, 0.0),
        case("an early end gives its place back", HELD, 2, 4, 1.0),
        case("any probabilities, beam 3, alpha 0.8", random_table, 3, 4, 0.8),
        case("any probabilities, beam 4, alpha 1.3", random_table, 4, 3, 1.3),
    ],
    reference=decoding.beam_search,
    solution=beam_search,
    right=[beam_search, with_prefixes, with_numbers],
    wrong=[
        greedy,
        best_of_each_prefix,
        everything_kept,
        one_more_place,
        finished_take_no_place,
        stops_at_the_first_end,
        first_end_returned,
        cut_ones_forgotten,
        finished_forgotten,
        length_ignored,
        length_always_whole,
        length_multiplied,
        length_counts_bos,
        length_without_eos,
        sum_without_the_length,
        product_of_logs,
        sum_of_probabilities,
        last_step_alone,
        worst_ones,
        later_of_equals,
        later_of_equal_scores,
        one_token_more,
        one_token_less,
        with_bos,
        without_eos,
        goes_on_after_eos,
        reads_the_last_token,
        two_of_each_prefix,
        stops_when_the_best_has_ended,
        divided_by_max_len,
        score_as_probability,
        bos_not_given,
        last_end_returned,
        score_first,
        places_filled_up,
        finished_alone,
        without_any_eos,
        product_from_one,
        tuples_sorted,
        places_lost_for_good,
        finished_stay_in_the_beam,
        finished_stay_and_scores_decide,
        stops_when_as_many_have_ended,
        times_length,
        last_of_the_beam,
    ],
    conventions=[wu_length],
    properties=[score_belongs_to_the_tokens],
    hints=[
        "Which candidates compete at a step: those of one prefix, or of all? Where do finished ones go?",
        (
            "Keep two lists, live and finished. At each step extend every live prefix by every token, sort "
            "by the sum, take the first `beam`, and put those that end in eos aside."
        ),
        (
            "`best = sorted(longer, key=lambda c: c[1], reverse=True)[:beam]`; at the end "
            "`max(finished + live, key=lambda c: c[1] / len(c[0]) ** alpha)`."
        ),
    ],
)
