"""Exercise `mask_tokens` (lesson 19): what BERT is given to read, and what it must find."""

import numpy as np

from course_lib.checks import Case, Exercise, Made
from course_lib.data import batches

# ------------------------------------------------------------------ a solution, and other right ways


def mask_tokens(ids, rng, mask_id, vocab, specials, rate=0.15):
    chosen = (rng.random(ids.shape) < rate) & ~np.isin(ids, specials)
    words = np.setdiff1d(np.arange(vocab), specials)
    drawn = rng.choice(words, size=ids.shape)
    fate = rng.random(ids.shape)
    corrupted = np.where(chosen & (fate < 0.8), mask_id, ids)
    corrupted = np.where(chosen & (fate >= 0.9), drawn, corrupted)
    return corrupted, np.where(chosen, ids, -100)


def token_by_token(ids, rng, mask_id, vocab, specials, rate=0.15):
    words = [word for word in range(vocab) if word not in specials]
    corrupted, labels = ids.copy(), np.full_like(ids, -100)
    for place, word in np.ndenumerate(ids):
        if word in specials or rng.random() >= rate:
            continue
        labels[place] = word
        if rng.random() < 0.8:
            corrupted[place] = mask_id
        elif rng.random() < 0.5:
            corrupted[place] = words[rng.integers(len(words))]
    return corrupted, labels


def with_one_number_for_all(ids, rng, mask_id, vocab, specials, rate=0.15):
    dice = np.where(np.isin(ids, specials), 1.0, rng.random(ids.shape))
    corrupted, chosen = ids.copy(), dice < rate
    is_drawn = chosen & (dice > 0.9 * rate)
    words = np.delete(np.arange(vocab), list(specials))
    corrupted[is_drawn] = rng.choice(words, is_drawn.sum())
    corrupted[dice < 0.8 * rate] = mask_id
    labels = ids.copy()
    labels[~chosen] = -100
    return corrupted, labels


def with_three_fates(ids, rng, mask_id, vocab, specials, rate=0.15):
    words = np.array(sorted(set(range(vocab)) - set(specials)))
    fate = rng.choice(4, size=ids.shape, p=[0.8 * rate, 0.1 * rate, 0.1 * rate, 1 - rate])
    fate[np.isin(ids, specials)] = 3
    drawn = words[rng.integers(0, len(words), ids.shape)]
    return np.choose(fate, [mask_id, drawn, ids, ids]), np.where(fate < 3, ids, -100)


# ------------------------------------------------------------------ stored wrong answers


def choose(ids, rng, specials, rate):
    return (rng.random(ids.shape) < rate) & ~np.isin(ids, specials)


def draw(ids, rng, vocab, specials):
    return rng.choice(np.setdiff1d(np.arange(vocab), specials), size=ids.shape)


def fates(ids, rng):
    """Two arrays: what becomes the mask, what another word, of those that are chosen."""
    fate = rng.random(ids.shape)
    return fate < 0.8, fate >= 0.9


STEPS = {
    "choose": choose,
    "draw": draw,
    "fates": fates,
    "label": lambda ids, corrupted, chosen, masked: np.where(chosen, ids, -100),
}


def solved(ids, rng, mask_id, vocab, specials, rate=0.15, **changes):
    """The solution in steps, each of which a wrong answer can replace."""
    do = STEPS | changes
    chosen = do["choose"](ids, rng, specials, rate)
    masked, another = do["fates"](ids, rng)
    corrupted = np.where(chosen & another, do["draw"](ids, rng, vocab, specials), ids)
    corrupted = np.where(chosen & masked, mask_id, corrupted)
    return corrupted, do["label"](ids, corrupted, chosen, chosen & masked)


def always_masked(ids, rng, mask_id, vocab, specials, rate=0.15):
    """All your chosen tokens become the mask: 80 % do, 10 % become a random word, 10 % stay as they are."""
    whole = lambda ids, rng: (np.ones(ids.shape, bool), np.zeros(ids.shape, bool))  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, fates=whole)


def never_kept(ids, rng, mask_id, vocab, specials, rate=0.15):
    """None of your chosen tokens stays as it is, or hardly any: 10 % get a random word, 10 % stay. A second
    roll, for the 20 % that are not masked, compares with 0.5."""
    return solved(ids, rng, mask_id, vocab, specials, rate, fates=by_shares(0.8, 0.2))


def never_drawn(ids, rng, mask_id, vocab, specials, rate=0.15):
    """None of your chosen tokens becomes a random word: 10 % do, 10 % stay as they are."""
    return solved(ids, rng, mask_id, vocab, specials, rate, fates=by_shares(0.8, 0.0))


def masked_and_drawn_exchanged(ids, rng, mask_id, vocab, specials, rate=0.15):
    """80 % of your chosen tokens become a random word and 10 % the mask: it is the other way round."""
    return solved(ids, rng, mask_id, vocab, specials, rate, fates=by_shares(0.1, 0.8))


def masked_and_kept_exchanged(ids, rng, mask_id, vocab, specials, rate=0.15):
    """80 % of your chosen tokens stay as they are and 10 % become the mask: it is the other way round."""
    return solved(ids, rng, mask_id, vocab, specials, rate, fates=by_shares(0.1, 0.1))


def a_tenth_of_the_rest(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw a word for 10 % of the chosen tokens that are not masked, 2 % of all: half of that rest become
    a random word."""

    def shares(ids, rng):
        masked = rng.random(ids.shape) < 0.8
        return masked, ~masked & (rng.random(ids.shape) < 0.1)

    return solved(ids, rng, mask_id, vocab, specials, rate, fates=shares)


def random_over_the_masked(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your random words overwrite masks, which leaves 72 % masked and 18 % as they are: one roll of the dice
    decides between the three."""

    def shares(ids, rng):
        another = rng.random(ids.shape) < 0.1
        return (rng.random(ids.shape) < 0.8) & ~another, another

    return solved(ids, rng, mask_id, vocab, specials, rate, fates=shares)


def half_over_the_masked(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Half of all your chosen tokens become a random word, masked ones too: take that half of those alone
    that are not masked."""

    def shares(ids, rng):
        another = rng.random(ids.shape) < 0.5
        return (rng.random(ids.shape) < 0.8) & ~another, another

    return solved(ids, rng, mask_id, vocab, specials, rate, fates=shares)


def one_roll_for_both(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You use the same random numbers to choose and to decide what becomes of the chosen: these are all
    small, so all are masked. Roll again, or compare with 0.8 * rate."""
    dice = rng.random(ids.shape)
    return solved(
        ids,
        rng,
        mask_id,
        vocab,
        specials,
        rate,
        choose=lambda ids, rng, specials, rate: (dice < rate) & ~np.isin(ids, specials),
        fates=lambda ids, rng: (dice < 0.8, dice >= 0.9),
    )


def masked_outside_the_chosen(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You mask 80 % of all tokens: what becomes of a token is a matter of the chosen ones, `chosen & (fate <
    0.8)`."""
    chosen = choose(ids, rng, specials, rate)
    masked, another = fates(ids, rng)
    corrupted = np.where(masked, mask_id, np.where(another, draw(ids, rng, vocab, specials), ids))
    return corrupted, np.where(chosen, ids, -100)


def specials_chosen_too(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You choose special tokens too: they hold no word to be found, so `& ~np.isin(ids, specials)`."""
    whole = lambda ids, rng, specials, rate: rng.random(ids.shape) < rate  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, choose=whole)


def mask_alone_is_special(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You leave out the mask alone: all of `specials` are never chosen and never drawn."""
    return solved(ids, rng, mask_id, vocab, [mask_id], rate)


def specials_drawn_too(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your random words are special tokens at times: draw from the words alone,
    np.setdiff1d(np.arange(vocab), specials)."""
    whole = lambda ids, rng, vocab, specials: rng.integers(vocab, size=ids.shape)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, draw=whole)


def specials_stand_first(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw from len(specials) on, as if the special tokens were the first of the vocabulary: they may be
    any, so draw from np.setdiff1d(np.arange(vocab), specials)."""
    first = lambda ids, rng, vocab, specials: rng.integers(len(specials), vocab, ids.shape)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, draw=first)


def above_the_highest_special(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw words above the highest special token alone: those between the special tokens are words
    too."""
    above = lambda ids, rng, vocab, specials: rng.integers(max(specials) + 1, vocab, ids.shape)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, draw=above)


def last_word_never_drawn(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your last word is never drawn: the upper end of rng.integers and of np.arange does not belong to the
    range, so write vocab, not vocab - 1."""
    return solved(ids, rng, mask_id, vocab - 1, specials, rate)


def drawn_from_the_text(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw from the words of the text: draw from the whole vocabulary, all words alike."""

    def from_text(ids, rng, vocab, specials):
        return rng.choice(ids.ravel(), size=ids.shape)

    return solved(ids, rng, mask_id, vocab, specials, rate, draw=from_text)


def one_word_for_all(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw one word and put it into all places: draw one for each, `size=ids.shape`."""
    words = np.setdiff1d(np.arange(vocab), specials)
    return solved(
        ids,
        rng,
        mask_id,
        vocab,
        specials,
        rate,
        draw=lambda ids, rng, *_: np.full(ids.shape, rng.choice(words)),
    )


def never_the_original(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your random word never is the original one: by our contract it may be, each word is drawn alike."""

    def others(ids, rng, vocab, specials):
        words = np.setdiff1d(np.arange(vocab), specials)
        drawn = draw(ids, rng, vocab, specials)
        following = words[(np.searchsorted(words, drawn) + 1) % len(words)]
        return np.where(drawn == ids, following, drawn)

    return solved(ids, rng, mask_id, vocab, specials, rate, draw=others)


def rate_ignored(ids, rng, mask_id, vocab, specials, rate=0.15):
    """`rate` is not used: it says what share of the tokens is chosen."""
    return solved(ids, rng, mask_id, vocab, specials)


def rate_turned_round(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You choose where the random number is ABOVE the rate, most of the tokens: it is below it with
    probability `rate`."""
    return solved(ids, rng, mask_id, vocab, specials, 1 - rate)


def exactly_so_many(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You choose a fixed number of tokens: each position is chosen on its own with probability `rate`, so the
    number differs from call to call."""

    def fixed(ids, rng, specials, rate):
        words = np.flatnonzero(~np.isin(ids, specials))
        chosen = np.zeros(ids.size, bool)
        chosen[rng.choice(words, round(rate * len(words)), replace=False)] = True
        return chosen.reshape(ids.shape)

    return solved(ids, rng, mask_id, vocab, specials, rate, choose=fixed)


def exactly_so_many_by_rows(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You choose at least one token, or a fixed number, in each row: each position is chosen on its own, and
    a row may have none."""

    def fixed(ids, rng, specials, rate):
        order = np.where(np.isin(ids, specials), 2.0, rng.random(ids.shape))
        n_chosen = max(1, round(rate * ids.shape[-1]))
        limit = np.sort(order, axis=-1)[..., n_chosen - 1 : n_chosen]
        return (order <= limit) & ~np.isin(ids, specials)

    return solved(ids, rng, mask_id, vocab, specials, rate, choose=fixed)


def drawn_with_replacement(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw places with replacement, and some come twice, so fewer are chosen than `rate` says: give each
    place a random number of its own and compare it with `rate`."""

    def some(ids, rng, specials, rate):
        chosen = np.zeros(ids.size, bool)
        chosen[rng.integers(ids.size, size=round(rate * ids.size))] = True
        return chosen.reshape(ids.shape) & ~np.isin(ids, specials)

    return solved(ids, rng, mask_id, vocab, specials, rate, choose=some)


def same_places_in_each_row(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You choose the same places in each row: roll for each of them, rng.random(ids.shape)."""

    def columns(ids, rng, specials, rate):
        return (rng.random(ids.shape[-1]) < rate) & ~np.isin(ids, specials)

    return solved(ids, rng, mask_id, vocab, specials, rate, choose=columns)


def one_fate_for_all(ids, rng, mask_id, vocab, specials, rate=0.15):
    """One roll of the dice decides for all chosen tokens of a call: roll for each of them,
    rng.random(ids.shape)."""

    def once(ids, rng):
        fate = rng.random()
        return fate < 0.8, fate >= 0.9

    return solved(ids, rng, mask_id, vocab, specials, rate, fates=once)


def one_fate_for_a_row(ids, rng, mask_id, vocab, specials, rate=0.15):
    """One roll of the dice decides for all chosen tokens of a row: roll for each of them,
    rng.random(ids.shape)."""

    def by_row(ids, rng):
        fate = rng.random((*ids.shape[:-1], 1))
        return fate < 0.8, fate >= 0.9

    return solved(ids, rng, mask_id, vocab, specials, rate, fates=by_row)


def generator_of_ones_own(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You make a generator with a fixed seed in each call, so the same places are masked every time: use the
    one that comes in, rng.random(...)."""
    return solved(ids, np.random.default_rng(0), mask_id, vocab, specials, rate)


def generator_of_the_module(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You draw from np.random or a fresh generator, and a run cannot be repeated: use the generator that
    comes in, rng.random(...)."""
    return solved(ids, np.random, mask_id, vocab, specials, rate, draw=lambda ids, rng, vocab, specials:
                  np.random.choice(np.setdiff1d(np.arange(vocab), specials), ids.shape))  # fmt: skip


def labels_everywhere(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your labels hold the original at every place: what was not chosen gets -100, which the loss leaves
    out."""
    return solved(ids, rng, mask_id, vocab, specials, rate, label=lambda ids, *_: ids.copy())


def label_of_the_masked_alone(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your labels stand where the mask stands: all chosen tokens have one, the random and the kept ones
    too."""
    masks = lambda ids, corrupted, chosen, masked: np.where(masked, ids, -100)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=masks)


def label_of_the_changed_alone(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your labels stand where a token has changed: those that were chosen and stay as they are have one
    too."""
    changed = lambda ids, corrupted, *_: np.where(corrupted != ids, ids, -100)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=changed)


def corrupted_as_label(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your labels hold what the model reads: they hold what stood there before, the original."""
    read = lambda ids, corrupted, chosen, masked: np.where(chosen, corrupted, -100)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=read)


def labels_turned_round(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your labels stand at the places that were not chosen: the chosen have one, the others get -100."""
    others = lambda ids, corrupted, chosen, masked: np.where(chosen, -100, ids)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=others)


def zero_for_no_label(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You write 0 where nothing is to be found, and 0 is a token: write -100, which the loss leaves out."""
    zero = lambda ids, corrupted, chosen, masked: np.where(chosen, ids, 0)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=zero)


def minus_one_for_no_label(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You write -1 where nothing is to be found: write -100, which F.cross_entropy leaves out by itself."""
    minus = lambda ids, corrupted, chosen, masked: np.where(chosen, ids, -1)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=minus)


def choice_for_labels(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your second result says which places were chosen: it shall hold their original tokens, and -100
    elsewhere."""
    return solved(ids, rng, mask_id, vocab, specials, rate, label=lambda i, c, chosen, m: chosen.astype(int))


def exchanged(ids, rng, mask_id, vocab, specials, rate=0.15):
    """The two are exchanged: first what the model reads, then the labels."""
    return solved(ids, rng, mask_id, vocab, specials, rate)[::-1]


def corrupted_alone(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You return the corrupted ids alone: training needs the labels too, `return corrupted, labels`."""
    return solved(ids, rng, mask_id, vocab, specials, rate)[0]


def changes_ids(ids, rng, mask_id, vocab, specials, rate=0.15):
    """The caller's ids are changed in place, and the originals are lost: begin with `corrupted =
    ids.copy()`."""
    corrupted, labels = solved(ids, rng, mask_id, vocab, specials, rate)
    ids[...] = corrupted
    return ids, labels


def labels_from_the_changed(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You change ids in place and read the labels from it afterwards, when the originals are gone: begin with
    `corrupted = ids.copy()`."""
    corrupted, labels = solved(ids, rng, mask_id, vocab, specials, rate)
    ids[...] = corrupted
    return ids, np.where(labels == -100, -100, ids)


def zero_for_the_mask(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You write 0, or another fixed number, where the mask belongs: take `mask_id`."""
    return solved(ids, rng, 0, vocab, specials, rate)


def masks_every_place(ids, rng, mask_id, vocab, specials, rate=0.15):
    """A single random number decides for the whole text: roll for each position, rng.random(ids.shape)."""

    def once(ids, rng, specials, rate):
        return (rng.random() < rate) & ~np.isin(ids, specials)

    return solved(ids, rng, mask_id, vocab, specials, rate, choose=once)


def by_shares(masked, drawn):
    """What becomes of the chosen tokens, by two shares."""

    def shares(ids, rng):
        fate = rng.random(ids.shape)
        return fate < masked, fate >= 1 - drawn

    return shares


def at_least_one(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You choose a fixed number of tokens, at least one: each position is chosen on its own with probability
    `rate`, and at times none is."""

    def fixed(ids, rng, specials, rate):
        words = np.flatnonzero(~np.isin(ids, specials))
        chosen = np.zeros(ids.size, bool)
        if len(words):
            chosen[rng.choice(words, max(1, int(rate * len(words))), replace=False)] = True
        return chosen.reshape(ids.shape)

    return solved(ids, rng, mask_id, vocab, specials, rate, choose=fixed)


def label_wherever_the_mask_stands(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your labels stand wherever the mask stands, though it may stand in the text already: keep what was
    chosen, the random and the kept ones too, and label that."""
    masks = lambda ids, corrupted, *_: np.where(corrupted == seen_mask, ids, -100)  # noqa: E731
    seen_mask = mask_id
    return solved(ids, rng, mask_id, vocab, specials, rate, label=masks)


def mask_for_no_label(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You write mask_id where nothing is to be found, and that is a token: write -100, which the loss leaves
    out."""
    token = lambda ids, corrupted, chosen, masked: np.where(chosen, ids, mask_id)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, label=token)


def rows_taken_for_tokens(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your loop over len(ids) takes rows for tokens where ids is (B, n): go through all places with
    np.ndindex(ids.shape), or work on whole arrays."""
    corrupted, labels = ids.copy(), np.full_like(ids, -100)
    words = [word for word in range(vocab) if word not in specials]
    for i in range(len(ids)):
        if ids[i] in specials or rng.random() >= rate:
            continue
        labels[i], fate = ids[i], rng.random()
        if fate < 0.9:
            corrupted[i] = mask_id if fate < 0.8 else rng.choice(words)
    return corrupted, labels


def other_specials_chosen(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You leave the mask out and choose the other special tokens: none of `specials` is chosen, np.isin(ids,
    specials)."""
    some = lambda ids, rng, specials, rate: (rng.random(ids.shape) < rate) & (ids != mask_id)  # noqa: E731
    return solved(ids, rng, mask_id, vocab, specials, rate, choose=some)


def coin_for_the_rate(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You toss a coin for each token: it is chosen with probability `rate`, rng.random(ids.shape) < rate."""
    return solved(ids, rng, mask_id, vocab, specials, 0.5)


def rate_counted_twice(ids, rng, mask_id, vocab, specials, rate=0.15):
    """You roll again for the chosen and still compare with 0.8 * rate, so most of them stay: of the chosen 80
    % are masked, compare with 0.8."""

    def too_few(ids, rng):
        fate = rng.random(ids.shape)
        return fate < 0.8 * rate, (fate >= 0.8 * rate) & (fate < 0.9 * rate)

    return solved(ids, rng, mask_id, vocab, specials, rate, fates=too_few)


def true_for_labels(ids, rng, mask_id, vocab, specials, rate=0.15):
    """Your second result is True where a token was chosen: it shall hold the original token there, and -100
    elsewhere."""
    return solved(ids, rng, mask_id, vocab, specials, rate, label=lambda ids, c, chosen, m: chosen)


# ------------------------------------------------------------------ the exercise


def share(some, of):
    """The share of `some` among `of`; 0 if there is nothing."""
    return float(some[of].mean()) if of.any() else 0.0


def opened(seen):
    """Inputs and outputs of a case, what was chosen, and what among it became another word."""
    ids, specials, mask_id = (seen.inputs[name] for name in ("ids", "specials", "mask_id"))
    corrupted, labels = seen.outputs["corrupted"], seen.outputs["labels"]
    chosen = labels != -100
    drawn = chosen & (corrupted != ids) & (corrupted != mask_id)
    return ids, np.isin(ids, specials), corrupted, labels, chosen, drawn


def choices(seen):
    """Who is chosen, and whether labels and ids fit that."""
    ids, is_special, corrupted, labels, chosen, _ = opened(seen)
    return {
        "share of words with a label": share(chosen, ~is_special),
        "share of special tokens with a label": share(chosen, is_special),
        "share of changed tokens without a label": share(~chosen, corrupted != ids),
        "share of labels that are not the original": share(labels != ids, chosen),
    }


def any_label(seen):
    """Whether there is a label at all."""
    return {"whether there is a label (1 is yes)": (seen.outputs["labels"] != -100).any()}


def shares(seen):
    """What becomes of the chosen."""
    ids, _, corrupted, _, chosen, drawn = opened(seen)
    return choices(seen) | {
        "share of masks among the chosen": share(corrupted == seen.inputs["mask_id"], chosen),
        "share of random words among the chosen": share(drawn, chosen),
        "share of unchanged ones among the chosen": share(corrupted == ids, chosen),
    }


def unchanged(seen):
    """Where the random word is the original in half of the draws."""
    ids, _, corrupted, _, chosen, _ = opened(seen)
    return {"share of unchanged ones among the chosen": share(corrupted == ids, chosen)}


def draws(seen):
    """Which random words are drawn."""
    _, _, corrupted, _, _, drawn = opened(seen)
    specials = seen.inputs["specials"]
    words = np.setdiff1d(np.arange(seen.inputs["vocab"]), specials)
    counts = np.bincount(corrupted[drawn].clip(0), minlength=seen.inputs["vocab"])
    return {
        "share of special tokens among the random words": share(np.isin(corrupted, specials), drawn),
        "share of the vocabulary that is never drawn": float((counts[words] == 0).mean()),
        "share of the most frequent one among the random words": counts.max() / max(counts.sum(), 1),
    }


def rows(seen):
    """Whether a row is rolled for as a whole, or all rows at once."""
    _, _, corrupted, _, chosen, _ = opened(seen)
    is_masked = corrupted == seen.inputs["mask_id"]
    return {
        "share of rows chosen at the same places as the first": (chosen == chosen[:1]).all(1).mean(),
        "share of rows whose chosen words are all masked": (is_masked | ~chosen).all(1).mean(),
        "share of rows without a label": (~chosen).all(1).mean(),
    }


def calls(seen):
    """Whether the number of the chosen is fixed, or their places are, or what becomes of them."""
    chosen = seen.outputs["labels"] != -100
    is_masked = chosen & (seen.outputs["corrupted"] == seen.inputs["mask_id"])
    always_the_same = (chosen == chosen[:1]).all()
    return {
        "share of calls that choose exactly half, another half each time": 0.0
        if always_the_same
        else (chosen.sum(1) == chosen.shape[1] / 2).mean(),
        "share of calls that choose the same places": (chosen == chosen[:1]).all(1).mean(),
        "whether there is a call without a mask (1 is yes)": (~is_masked).all(1).any(),
    }


def text(shape, vocab, mask_id, specials, from_=0, to=None):
    """Random ids from `from_` to below `to`, and a generator."""

    def inputs(rng):
        ids = rng.integers(from_, vocab if to is None else to, size=shape)
        return ids, Made(np.random.default_rng, int(rng.integers(1000))), mask_id, vocab, specials

    return inputs


WHOLE = "token ids are whole numbers, an embedding looks them up"
SPECIALS = (0, 1, 2, 3)
HALF, ALL = {"rate": 0.5}, {"rate": 1.0}

EXERCISE = Exercise(
    id="mask_tokens",
    contract=(
        "mask_tokens(ids, rng, mask_id, vocab, specials, rate=0.15) -> (corrupted, labels), int arrays of "
        "the shape of ids; rng a NumPy generator, specials a tuple. Each position is chosen on its own; "
        "80 % mask, 10 % random word, which may be the same, 10 % unchanged; labels -100 elsewhere; specials "
        "never chosen, never drawn."
    ),
    minutes=20,
    difficulty=3,
    points=4,
    arguments={"ids": ("B", "n"), "rng": (), "mask_id": (), "vocab": (), "specials": ()},
    outputs={"corrupted": ("B", "n"), "labels": ("B", "n")},
    whole={"corrupted": WHOLE, "labels": WHOLE},
    cases=[  # the first is called most often, so it is small: loops over tokens shall end in time
        Case("300 rows of 10, rate 1/2", text((300, 10), 30, 3, SPECIALS, 4), HALF, measure=rows, atol=0.3),
        Case(
            "400 rows of 30, rate 1/2",
            text((400, 30), 30, 3, SPECIALS),
            HALF,
            weight=3,
            measure=shares,
            atol=0.05,
        ),
        Case(
            "1,200 rows of 10, the usual rate",
            text((1200, 10), 30, 3, SPECIALS),
            weight=2,
            measure=choices,
            atol=0.025,
        ),
        Case(
            "specials within the vocabulary, rate 1",
            text((400, 30), 12, 5, (0, 5, 8), 1, 5),
            ALL,
            weight=2,
            measure=draws,
            atol=0.06,
        ),
        Case("two words, rate 1", text((12_000,), 5, 2, (0, 1, 2), 3), ALL, measure=unchanged, atol=0.025),
        Case(
            "40 calls with one generator, rate 1/2",
            text((40,), 30, 3, SPECIALS, 4),
            HALF,
            measure=calls,
            atol=0.45,
            times=40,
        ),
        Case("12 words, rate 0", text((12,), 30, 3, SPECIALS, 4), {"rate": 0.0}, measure=any_label),
        Case("special tokens alone, rate 1", text((2, 3), 30, 3, SPECIALS, 0, 4), ALL),
    ],
    reference=batches.mask_tokens,
    solution=mask_tokens,
    right=[mask_tokens, token_by_token, with_one_number_for_all, with_three_fates],
    wrong=[
        always_masked,
        never_kept,
        never_drawn,
        masked_and_drawn_exchanged,
        masked_and_kept_exchanged,
        a_tenth_of_the_rest,
        random_over_the_masked,
        half_over_the_masked,
        one_roll_for_both,
        masked_outside_the_chosen,
        specials_chosen_too,
        mask_alone_is_special,
        specials_drawn_too,
        specials_stand_first,
        above_the_highest_special,
        last_word_never_drawn,
        drawn_from_the_text,
        one_word_for_all,
        never_the_original,
        rate_ignored,
        rate_turned_round,
        exactly_so_many,
        exactly_so_many_by_rows,
        drawn_with_replacement,
        same_places_in_each_row,
        one_fate_for_all,
        one_fate_for_a_row,
        generator_of_ones_own,
        generator_of_the_module,
        labels_everywhere,
        label_of_the_masked_alone,
        label_of_the_changed_alone,
        corrupted_as_label,
        labels_turned_round,
        zero_for_no_label,
        minus_one_for_no_label,
        choice_for_labels,
        exchanged,
        corrupted_alone,
        changes_ids,
        labels_from_the_changed,
        zero_for_the_mask,
        masks_every_place,
        at_least_one,
        label_wherever_the_mask_stands,
        mask_for_no_label,
        rows_taken_for_tokens,
        other_specials_chosen,
        coin_for_the_rate,
        rate_counted_twice,
        true_for_labels,
    ],
    hints=[
        "Two questions for each token: is it chosen, and what becomes of it then? Which needs which dice?",
        (
            "`rng.random(ids.shape) < rate` chooses, special tokens excepted. A second array of numbers "
            "decides: below 0.8 the mask, from 0.9 on a word of np.setdiff1d(np.arange(vocab), specials)."
        ),
        (
            "`corrupted = np.where(chosen & (fate < 0.8), mask_id, ids)`, the same with `fate >= 0.9` and "
            "`rng.choice(words, size=ids.shape)`; `labels = np.where(chosen, ids, -100)`."
        ),
    ],
)
