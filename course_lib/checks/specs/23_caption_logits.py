"""Exercise `caption_logits` (lesson 23): a small captioning decoder, put together from its parts."""

from types import SimpleNamespace

import numpy as np
import torch

from course_lib.checks import Case, Exercise, Made
from course_lib.checks.parts import decoder_layer_parts, norm_part
from course_lib.transformer.attention import causal_mask
from course_lib.transformer.blocks import residual_block

# ------------------------------------------------------------------ a solution, and other right ways


def caption_logits(words, patches, p):
    n = words.shape[1]
    y = p.embed[words] + p.pos[:n]
    h = p.norm1(y)
    y = y + p.self_attn(h, h, h, torch.ones(n, n, dtype=torch.bool).tril())
    y = y + p.cross_attn(p.norm2(y), patches, patches)
    y = y + p.ffn(p.norm3(y))
    return p.norm_out(y) @ p.W + p.b


def with_einsum_and_where(words, patches, p):
    B, n = words.shape
    y = torch.nn.functional.embedding(words, p.embed) + p.pos[torch.arange(n)]
    place = torch.arange(n)
    past = (place[None, :] <= place[:, None]).expand(B, n, n)
    h = p.norm1(y)
    y = p.self_attn(q=h, k=h, v=h, mask=past) + y
    y = p.cross_attn(q=p.norm2(y), k=patches, v=patches, mask=None) + y
    y = p.ffn(p.norm3(y)) + y
    return torch.einsum("bnd,dv->bnv", p.norm_out(y), p.W) + p.b


def word_by_word(words, patches, p):
    """Each step reads the words so far anew: nothing can see the future."""
    steps = []
    for n in range(1, words.shape[1] + 1):
        y = p.embed[words[:, :n]] + p.pos[:n]
        h = p.norm1(y)
        last = y[:, -1:] + p.self_attn(h[:, -1:], h, h, None)
        last = last + p.cross_attn(p.norm2(last), patches, patches, None)
        last = last + p.ffn(p.norm3(last))
        steps.append(p.norm_out(last) @ p.W + p.b)
    return torch.cat(steps, dim=1)


def by_the_library(words, patches, p):
    n = words.shape[1]
    own = causal_mask(n, n)
    y = p.embed[words] + p.pos[:n]
    y = residual_block(y, lambda h: p.self_attn(h, h, h, own), p.norm1, pre=True)
    y = residual_block(y, lambda h: p.cross_attn(h, patches, patches), p.norm2, pre=True)
    y = residual_block(y, p.ffn, p.norm3, pre=True)
    return p.norm_out(y) @ p.W + p.b


# ------------------------------------------------------------------ stored wrong answers


def tril(n, m=None, diagonal=0):
    return torch.ones(n, m or n, dtype=torch.bool).tril(diagonal)


def start(words, p):
    """Words and places."""
    return p.embed[words] + p.pos[: words.shape[1]]


def after_self(y, p, mask=None):
    h = p.norm1(y)
    return y + p.self_attn(h, h, h, tril(y.shape[1]) if mask is None else mask)


def after_cross(y, patches, p, mask=None):
    return y + p.cross_attn(p.norm2(y), patches, patches, mask)


def after_ffn(y, p):
    return y + p.ffn(p.norm3(y))


def head(y, p):
    return p.norm_out(y) @ p.W + p.b


def rest(y, patches, p, mask=None):
    """All that follows the embedding."""
    return head(after_ffn(after_cross(after_self(y, p, mask), patches, p), p), p)


def sees_the_future(words, patches, p):
    """Your words see the words that follow: self-attention needs the causal mask, tril."""
    n = words.shape[1]
    return rest(start(words, p), patches, p, torch.ones(n, n, dtype=torch.bool))


def mask_turned_round(words, patches, p):
    """Your causal mask is turned round: a word sees itself and the words before it, so tril, not triu."""
    n = words.shape[1]
    return rest(start(words, p), patches, p, tril(n).T)


def mask_means_hidden(words, patches, p):
    """Your mask has True where a word is hidden: True means "may be attended", so no ~ and no triu(1)."""
    return rest(start(words, p), patches, p, ~tril(words.shape[1]))


def not_itself(words, patches, p):
    """Your mask hides a word from itself: it sees its own place too, tril() without -1."""
    return rest(start(words, p), patches, p, tril(words.shape[1], diagonal=-1))


def one_ahead(words, patches, p):
    """Your mask lets a word see the next one, which it has to guess: tril() without +1."""
    return rest(start(words, p), patches, p, tril(words.shape[1], diagonal=1))


def causal_over_patches(words, patches, p):
    """Your cross-attention is causal: the whole image is there from the first word on, so no
    mask."""
    y = after_self(start(words, p), p)
    y = after_cross(y, patches, p, tril(words.shape[1], patches.shape[1]))
    return head(after_ffn(y, p), p)


def mask_in_the_wrong_attention(words, patches, p):
    """The causal mask is in the cross-attention and missing in the self-attention: words wait for words, the
    image is all there."""
    n = words.shape[1]
    y = after_self(start(words, p), p, torch.ones(n, n, dtype=torch.bool))
    return head(after_ffn(after_cross(y, patches, p, tril(n, patches.shape[1])), p), p)


def no_positions(words, patches, p):
    """The positions are missing: add p.pos[:n] to the embeddings."""
    return rest(p.embed[words], patches, p)


def first_position_for_all(words, patches, p):
    """Every word gets position 0: word i has p.pos[i]."""
    return rest(p.embed[words] + p.pos[0], patches, p)


def positions_from_one(words, patches, p):
    """Your positions begin with p.pos[1]: the first word stands at 0."""
    places = torch.arange(1, words.shape[1] + 1).clamp(max=len(p.pos) - 1)
    return rest(p.embed[words] + p.pos[places], patches, p)


def last_positions(words, patches, p):
    """You take the last rows of p.pos: the words stand at 0 to n - 1."""
    return rest(p.embed[words] + p.pos[-words.shape[1] :], patches, p)


def all_positions(words, patches, p):
    """You add the whole table p.pos, which has a row for max_n places: take its first n rows."""
    return rest(p.embed[words] + p.pos, patches, p)


def positions_by_word(words, patches, p):
    """You look the position up by the word's id: it depends on the place alone, p.pos[:n]."""
    return rest(p.embed[words] + p.pos[words], patches, p)


def positions_on_patches_too(words, patches, p):
    """You add positions to the patches: they carry their own already, so read them as they are."""
    places = torch.arange(patches.shape[1]) % len(p.pos)
    return rest(start(words, p), patches + p.pos[places], p)


def times_root(words, patches, p):
    """You multiply the embeddings by the square root of d, as the paper of 2017 does: this contract does
    not."""
    return rest(p.embed[words] * p.embed.shape[1] ** 0.5 + p.pos[: words.shape[1]], patches, p)


def no_cross_attention(words, patches, p):
    """The cross-attention is missing: the caption never looks at the image."""
    return head(after_ffn(after_self(start(words, p), p), p), p)


def no_self_attention(words, patches, p):
    """The self-attention is missing: a word has to know which words came before."""
    return head(after_ffn(after_cross(start(words, p), patches, p), p), p)


def no_ffn(words, patches, p):
    """The feed-forward is missing: it follows the cross-attention."""
    return head(after_cross(after_self(start(words, p), p), patches, p), p)


def cross_first(words, patches, p):
    """Your cross-attention comes before self-attention: first the words look at each other, then at the
    image."""
    return head(after_ffn(after_self(after_cross(start(words, p), patches, p), p), p), p)


def ffn_before_cross(words, patches, p):
    """Your feed-forward comes before the cross-attention: it is the last of the three."""
    return head(after_cross(after_ffn(after_self(start(words, p), p), p), patches, p), p)


def side_by_side(words, patches, p):
    """Both attentions read the same input in yours: cross-attention asks with what self-attention has
    made."""
    y = start(words, p)
    h = p.norm1(y)
    both = p.self_attn(h, h, h, tril(y.shape[1])) + p.cross_attn(p.norm2(y), patches, patches)
    return head(after_ffn(y + both, p), p)


def patches_ask_in_full(words, patches, p):
    """In your cross-attention the patches ask and the result has one row for each of them: the words ask, so
    q = p.norm2(y)."""
    y = after_self(start(words, p), p)
    h = p.norm2(y)
    return head(after_ffn(y + p.cross_attn(patches, h, h, None), p), p)


def asks_the_words_again(words, patches, p):
    """Keys and values of your cross-attention are the words: they are the patches."""
    y = after_self(start(words, p), p)
    h = p.norm2(y)
    return head(after_ffn(y + p.cross_attn(h, h, h, tril(y.shape[1])), p), p)


def same_attention_twice(words, patches, p):
    """You use p.self_attn for the patches as well: p.cross_attn has weights of its own."""
    y = after_self(start(words, p), p)
    return head(after_ffn(y + p.self_attn(p.norm2(y), patches, patches, None), p), p)


def attentions_exchanged(words, patches, p):
    """The two attentions are exchanged: p.self_attn reads the words, p.cross_attn the patches."""
    swapped = SimpleNamespace(**vars(p) | {"self_attn": p.cross_attn, "cross_attn": p.self_attn})
    return caption_logits(words, patches, swapped)


def patches_normed(words, patches, p):
    """You norm the patches: the image encoder has done so, the norm is for the words that ask."""
    return rest(start(words, p), p.norm2(patches), p)


def question_not_normed(words, patches, p):
    """Your cross-attention asks with y as it is: pre-norm, so with p.norm2(y)."""
    y = after_self(start(words, p), p)
    return head(after_ffn(y + p.cross_attn(y, patches, patches), p), p)


def keys_not_normed(words, patches, p):
    """Only the queries of your self-attention are normed: h = p.norm1(y) is query, key and value."""
    y = start(words, p)
    y = y + p.self_attn(p.norm1(y), y, y, tril(y.shape[1]))
    return head(after_ffn(after_cross(y, patches, p), p), p)


def words_not_normed(words, patches, p):
    """p.norm1 is missing: self-attention reads p.norm1(y)."""
    y = start(words, p)
    y = y + p.self_attn(y, y, y, tril(y.shape[1]))
    return head(after_ffn(after_cross(y, patches, p), p), p)


def ffn_not_normed(words, patches, p):
    """p.norm3 is missing: the feed-forward reads p.norm3(y)."""
    y = after_cross(after_self(start(words, p), p), patches, p)
    return head(y + p.ffn(y), p)


def post_norm(words, patches, p):
    """You norm the sums, as the layer of 2017 does: here each sublayer reads normed words, y + sublayer(
    norm(y)), and the sum stays as it is."""
    y = start(words, p)
    y = p.norm1(y + p.self_attn(y, y, y, tril(y.shape[1])))
    y = p.norm2(y + p.cross_attn(y, patches, patches))
    return head(p.norm3(y + p.ffn(y)), p)


def adds_the_normed(words, patches, p):
    """You add what the sublayer gives to the normed words: the way past keeps y itself."""
    y = p.norm1(start(words, p))
    y = y + p.self_attn(y, y, y, tril(y.shape[1]))
    y = p.norm2(y)
    y = y + p.cross_attn(y, patches, patches)
    y = p.norm3(y)
    return head(y + p.ffn(y), p)


def no_residuals(words, patches, p):
    """The ways past the sublayers are missing: add what each gives to y, `y = y + ...`."""
    h = p.norm1(start(words, p))
    y = p.self_attn(h, h, h, tril(h.shape[1]))
    y = p.cross_attn(p.norm2(y), patches, patches)
    return head(p.ffn(p.norm3(y)), p)


def no_cross_residual(words, patches, p):
    """The way past the cross-attention is missing: then the image replaces the words. Write `y = y +
    ...`."""
    y = after_self(start(words, p), p)
    return head(after_ffn(p.cross_attn(p.norm2(y), patches, patches), p), p)


def no_self_residual(words, patches, p):
    """The way past the self-attention is missing: write `y = y + ...`."""
    h = p.norm1(start(words, p))
    y = p.self_attn(h, h, h, tril(h.shape[1]))
    return head(after_ffn(after_cross(y, patches, p), p), p)


def no_ffn_residual(words, patches, p):
    """The way past the feed-forward is missing: write `y = y + ...`."""
    y = after_cross(after_self(start(words, p), p), patches, p)
    return head(p.ffn(p.norm3(y)), p)


def no_last_norm(words, patches, p):
    """p.norm_out is missing: a pre-norm decoder ends with a norm, p.norm_out(y) @ p.W + p.b."""
    y = after_ffn(after_cross(after_self(start(words, p), p), patches, p), p)
    return y @ p.W + p.b


def norms_exchanged(words, patches, p):
    """p.norm2 and p.norm3 are exchanged: p.norm2 stands before the cross-attention, p.norm3 before the
    feed-forward."""
    return caption_logits(words, patches, SimpleNamespace(**vars(p) | {"norm2": p.norm3, "norm3": p.norm2}))


def one_norm_for_all(words, patches, p):
    """You use p.norm1 everywhere: each sublayer has a norm of its own."""
    same = {"norm2": p.norm1, "norm3": p.norm1, "norm_out": p.norm1}
    return caption_logits(words, patches, SimpleNamespace(**vars(p) | same))


def no_bias(words, patches, p):
    """The bias p.b is missing: the logits are p.norm_out(y) @ p.W + p.b."""
    return rest(start(words, p), patches, p) - p.b


def hidden_states(words, patches, p):
    """You return the features (B, n, d): multiply by p.W and add p.b, which gives a logit for each word of
    the vocabulary."""
    return p.norm_out(after_ffn(after_cross(after_self(start(words, p), p), patches, p), p))


def tied_head(words, patches, p):
    """You take the embedding table for the last product: the head has weights of its own, p.W."""
    y = after_ffn(after_cross(after_self(start(words, p), p), patches, p), p)
    return p.norm_out(y) @ p.embed.T + p.b


def probabilities(words, patches, p):
    """You take a softmax: logits are asked for, the loss and the sampler take the softmax themselves."""
    return caption_logits(words, patches, p).softmax(-1)


def log_probabilities(words, patches, p):
    """You take log_softmax: logits are asked for, as they come out of the last product."""
    return caption_logits(words, patches, p).log_softmax(-1)


def last_word_alone(words, patches, p):
    """You return the logits of the last place alone: in training each of the n places says the next word, (B,
    n, n_vocab)."""
    return caption_logits(words, patches, p)[:, -1]


def chosen_words(words, patches, p):
    """You return the likeliest words: the logits are asked for."""
    return caption_logits(words, patches, p).argmax(-1)


def first_image_for_all(words, patches, p):
    """Every caption looks at the first image: each has its own row of patches."""
    return caption_logits(words, patches[:1].expand_as(patches), p)


def mean_patch(words, patches, p):
    """You average the patches: then there is nothing to look for, each word weighs the patches anew."""
    return caption_logits(words, patches.mean(1, keepdim=True).expand_as(patches), p)


def patches_in_front(words, patches, p):
    """You put the patches before the words and attend to all in one: here the words ask the patches in
    p.cross_attn."""
    n, m = words.shape[1], patches.shape[1]
    y = torch.cat([patches, start(words, p)], dim=1)
    y = after_ffn(after_self(y, p, tril(n + m)), p)
    return head(y[:, m:], p)


def bos_dropped(words, patches, p):
    """You leave the first word out: words begins with bos already, and every word counts."""
    return caption_logits(words[:, 1:], patches, p)


def changes_embed(words, patches, p):
    """The caller's table is changed in place: `y = y + ...`, not `+=` on p.embed or p.pos."""
    out = caption_logits(words, patches, p)
    p.embed += 1
    return out


def post_norm_without_the_last(words, patches, p):
    """You norm the sums, as the layer of 2017 does: here each sublayer reads normed words, and p.norm_out
    stands before the last product."""
    y = start(words, p)
    y = p.norm1(y + p.self_attn(y, y, y, tril(y.shape[1])))
    y = p.norm2(y + p.cross_attn(y, patches, patches))
    return p.norm3(y + p.ffn(y)) @ p.W + p.b


def last_word_with_its_axis(words, patches, p):
    """You keep the last place alone: in training each of the n places says the next word, so return them
    all."""
    return caption_logits(words, patches, p)[:, -1:]


def positions_after_the_norm(words, patches, p):
    """You add the positions to the normed words: add them to the embeddings, so that they stay in y."""
    n = words.shape[1]
    y = p.embed[words]
    h = p.norm1(y) + p.pos[:n]
    y = y + p.self_attn(h, h, h, tril(n))
    return head(after_ffn(after_cross(y, patches, p), p), p)


def image_added_to_the_words(words, patches, p):
    """You add the mean of the patches to every word: each word looks for itself, by p.cross_attn."""
    y = start(words, p) + patches.mean(1, keepdim=True)
    return head(after_ffn(after_self(y, p), p), p)


def keys_of_patches_normed(words, patches, p):
    """You norm the patches where they are keys: the image encoder has done so, keys and values are the
    patches as they are."""
    y = after_self(start(words, p), p)
    y = y + p.cross_attn(p.norm2(y), p.norm2(patches), patches)
    return head(after_ffn(y, p), p)


def mask_of_the_words_for_patches(words, patches, p):
    """You give the cross-attention the mask of the words, (n, n): its keys are the N patches, which all may
    be seen, so no mask."""
    y = after_self(start(words, p), p)
    return head(after_ffn(after_cross(y, patches, p, tril(words.shape[1])), p), p)


def values_from_the_words(words, patches, p):
    """Keys and values of your self-attention differ: h = p.norm1(y) is query, key and value."""
    y = start(words, p)
    h = p.norm1(y)
    y = y + p.self_attn(h, h, y, tril(y.shape[1]))
    return head(after_ffn(after_cross(y, patches, p), p), p)


def one_norm_before_all(words, patches, p):
    """You norm once and give the same normed words to all sublayers: each has a norm of its own, of the y
    that it finds."""
    y = start(words, p)
    h = p.norm1(y)
    y = y + p.self_attn(h, h, h, tril(y.shape[1])) + p.cross_attn(h, patches, patches) + p.ffn(h)
    return head(y, p)


def positions_turned_round(words, patches, p):
    """Your positions count from the end: the first word gets p.pos[0]."""
    return rest(p.embed[words] + p.pos[: words.shape[1]].flip(0), patches, p)


def values_of_patches_normed(words, patches, p):
    """You norm the patches where they are values: keys and values are the patches as they are."""
    y = after_self(start(words, p), p)
    y = y + p.cross_attn(p.norm2(y), patches, p.norm2(patches))
    return head(after_ffn(y, p), p)


def norm1_before_the_image(words, patches, p):
    """You use p.norm1 before the cross-attention: it has a norm of its own, p.norm2."""
    return caption_logits(words, patches, SimpleNamespace(**vars(p) | {"norm2": p.norm1}))


def norm2_before_ffn(words, patches, p):
    """You use p.norm2 before the feed-forward: it has a norm of its own, p.norm3."""
    return caption_logits(words, patches, SimpleNamespace(**vars(p) | {"norm3": p.norm2}))


def norm3_at_the_end(words, patches, p):
    """You use p.norm3 at the end: the last norm is p.norm_out."""
    return caption_logits(words, patches, SimpleNamespace(**vars(p) | {"norm_out": p.norm3}))


def positions_twice(words, patches, p):
    """You add the positions once more at the end: once is enough, they stay in y."""
    y = after_ffn(after_cross(after_self(start(words, p), p), patches, p), p)
    return head(y + p.pos[: words.shape[1]], p)


def last_logits_dropped(words, patches, p):
    """You leave out the logits of the last place: they say the word that comes next."""
    return caption_logits(words, patches, p)[:, :-1]


# ------------------------------------------------------------------ the exercise


def the_future_does_not_matter(seen):
    """A later word changes an earlier logit: in use it is not there yet, so nothing may see it."""
    one, other = (seen[name].outputs["logits"] for name in ("usual", "last word changed"))
    return np.allclose(one[:, :-1], other[:, :-1], rtol=1e-4, atol=1e-5)


def the_image_matters(seen):
    """Another image gives the same logits: the words have to look at the patches."""
    one, other = (seen[name].outputs["logits"] for name in ("usual", "another image"))
    return not np.allclose(one, other, rtol=1e-3, atol=1e-3)


def the_order_of_patches_does_not_matter(seen):
    """The same patches in another order give other logits: attention finds them wherever they stand."""
    one, other = (seen[name].outputs["logits"] for name in ("usual", "patches in another order"))
    return np.allclose(one, other, rtol=1e-4, atol=1e-5)


def decoder(embed, pos, own, across, W1, W2, gammas, W, b):
    """The parts of a decoder of one layer, out of plain weights."""
    p = decoder_layer_parts(own, across, W1, W2, gammas)
    p.embed, p.pos, p.norm_out, p.W, p.b = embed, pos, norm_part(gammas[3]), W, b
    return p


def parts(rng, d=5, d_ff=7, n_vocab=11, max_n=12):
    own, across = rng.normal(size=(2, 3, d, d))
    return Made(
        decoder,
        rng.normal(size=(n_vocab, d)),
        rng.normal(size=(max_n, d)),
        own,
        across,
        rng.normal(size=(d, d_ff)),
        rng.normal(size=(d_ff, d)),
        0.5 + np.arange(4)[:, None] / 2 + rng.random((4, d)),
        rng.normal(size=(d, n_vocab)),
        rng.normal(size=n_vocab),
    )


def usual(last=None, other_image=False, order=(0, 1, 2, 3, 4, 5)):
    """Always the same 2 captions of 4 words about images of 6 patches."""
    rng = np.random.default_rng(23)
    words = np.array([[1, 4, 9, 4], [1, 10, 3, 7]])
    patches = rng.normal(size=(2, 6, 5))
    if last is not None:
        words[:, -1] = last
    if other_image:
        patches = patches[::-1] - 1.0
    return words, patches[:, list(order)].copy(), parts(rng)


def drawn(rng, B, n, N):
    return rng.integers(11, size=(B, n)), rng.normal(size=(B, N, 5)), parts(rng)


EXERCISE = Exercise(
    id="caption_logits",
    contract=(
        "caption_logits(words, patches, p) -> logits (B, n, n_vocab) of each next word; words (B, n) ids so "
        "far, patches (B, N, d). y = p.embed[words] plus the first rows of p.pos; pre-norm y + sublayer("
        "norm(y)) with p.self_attn, causal, and p.norm1, p.cross_attn to the patches and p.norm2, p.ffn and "
        "p.norm3; then p.norm_out, times p.W plus p.b. Each attention is called (q, k, v, mask)."
    ),
    minutes=25,
    difficulty=4,
    points=4,
    takes="torch",
    arguments={"words": ("B", "n"), "patches": ("B", "N", "d"), "p": ()},
    outputs={"logits": ("B", "n", "n_vocab")},
    atol=1e-4,  # three norms in a row: that is what float32 keeps
    cases=[
        Case("usual", lambda rng: usual(), weight=3),
        Case("last word changed", lambda rng: usual(last=2)),
        Case("another image", lambda rng: usual(other_image=True)),
        Case("patches in another order", lambda rng: usual(order=(3, 1, 5, 0, 2, 4))),
        Case("3 captions of 5 words, 7 patches", lambda rng: drawn(rng, 3, 5, 7)),
        Case("bos alone", lambda rng: drawn(rng, 2, 1, 6)),
        Case("one patch", lambda rng: drawn(rng, 2, 3, 1)),
        Case("as many words as patches", lambda rng: drawn(rng, 2, 4, 4)),
        Case("as many words as p.pos has rows", lambda rng: drawn(rng, 1, 12, 3)),
    ],
    reference=by_the_library,
    solution=caption_logits,
    right=[caption_logits, with_einsum_and_where, word_by_word, by_the_library],
    wrong=[
        sees_the_future,
        mask_turned_round,
        mask_means_hidden,
        not_itself,
        one_ahead,
        causal_over_patches,
        mask_in_the_wrong_attention,
        no_positions,
        first_position_for_all,
        positions_from_one,
        last_positions,
        all_positions,
        positions_by_word,
        positions_on_patches_too,
        times_root,
        no_cross_attention,
        no_self_attention,
        no_ffn,
        cross_first,
        ffn_before_cross,
        side_by_side,
        patches_ask_in_full,
        asks_the_words_again,
        same_attention_twice,
        attentions_exchanged,
        patches_normed,
        question_not_normed,
        keys_not_normed,
        words_not_normed,
        ffn_not_normed,
        post_norm,
        adds_the_normed,
        no_residuals,
        no_cross_residual,
        no_self_residual,
        no_ffn_residual,
        no_last_norm,
        norms_exchanged,
        one_norm_for_all,
        no_bias,
        hidden_states,
        tied_head,
        probabilities,
        log_probabilities,
        last_word_alone,
        chosen_words,
        first_image_for_all,
        mean_patch,
        patches_in_front,
        bos_dropped,
        changes_embed,
        positions_turned_round,
        values_of_patches_normed,
        norm1_before_the_image,
        norm2_before_ffn,
        norm3_at_the_end,
        positions_twice,
        last_logits_dropped,
        post_norm_without_the_last,
        last_word_with_its_axis,
        positions_after_the_norm,
        image_added_to_the_words,
        keys_of_patches_normed,
        mask_of_the_words_for_patches,
        values_from_the_words,
        one_norm_before_all,
    ],
    properties=[the_future_does_not_matter, the_image_matters, the_order_of_patches_does_not_matter],
    hints=[
        "Who asks whom in each of the two attentions, and which of them needs a mask?",
        (
            "Embeddings plus `p.pos[:n]`; then three lines of the form `y = y + sublayer(norm(y))`; the "
            "patches are keys and values of the second one."
        ),
        (
            "`h = p.norm1(y); y = y + p.self_attn(h, h, h, causal)`, `y = y + p.cross_attn(p.norm2(y), "
            "patches, patches)`, `y = y + p.ffn(p.norm3(y))`, and `p.norm_out(y) @ p.W + p.b`."
        ),
    ],
)
