"""Recurrent networks: a step of a GRU; the GRU encoder-decoder with and without attention (lessons 06, 07).

The encoder is nn.GRU, the decoder nn.GRUCell. Their numbers are those of `gru_step` (a test compares them) in
three quarters of its time, and nn.GRU brings the reading of both directions with it.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course_lib.transformer.attention import masked_softmax
from course_lib.transformer.inputs import check_ids, check_keep


def gru_step(
    x: Float[Tensor, "*batch d"],
    h: Float[Tensor, "*batch h"],
    W: Float[Tensor, "3*h d"],
    U: Float[Tensor, "3*h h"],
    b: Float[Tensor, "2 3*h"],
) -> Float[Tensor, "*batch h"]:
    """The next state (..., h) of a GRU that is in state h (..., h) and reads the vector x (..., d).

    W (3h, d), U (3h, h) and b (2, 3h) hold three parts, one below the other: reset, update, candidate. As in
    torch.nn.GRUCell the reset gate acts on U h + b, not on h, and the update gate says how much stays.
    Source: Cho et al. 2014, Learning Phrase Representations, section 2.3.

    >>> x, h = torch.tensor([1.0]), torch.tensor([0.5])
    >>> gru_step(x, h, torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(2, 3))  # half stays, half is 0
    tensor([0.2500])
    """
    x_reset, x_update, x_candidate = (x @ W.T + b[0]).chunk(3, dim=-1)
    h_reset, h_update, h_candidate = (h @ U.T + b[1]).chunk(3, dim=-1)
    reset = torch.sigmoid(x_reset + h_reset)
    update = torch.sigmoid(x_update + h_update)
    candidate = torch.tanh(x_candidate + reset * h_candidate)
    return update * h + (1 - update) * candidate


class AdditiveAttention(nn.Module):
    """`additive_attention` with its parameters, for one query at a time and keys that are computed once.

    Source: Bahdanau, Cho and Bengio 2015, appendix A.1.2.
    """

    def __init__(self, d_q: int, d_k: int, d_hidden: int) -> None:
        super().__init__()
        self.W_q = nn.Linear(d_q, d_hidden, bias=False)
        self.W_k = nn.Linear(d_k, d_hidden, bias=False)
        self.v = nn.Linear(d_hidden, 1, bias=False)

    def forward(
        self,
        query: Float[Tensor, "B d_q"],
        keys: Float[Tensor, "B n d_hidden"],
        values: Float[Tensor, "B n d_k"],
        keep: Bool[Tensor, "B n"] | None = None,
        return_weights: bool = False,
    ):
        """query (B, d_q) asks values (B, n, d_k), whose keys are W_k(values) -> context (B, d_k).

        `keep` says which values may be attended. With `return_weights` also the weights (B, n).
        """
        scores = self.v(torch.tanh(self.W_q(query).unsqueeze(-2) + keys)).squeeze(-1)
        weights = masked_softmax(scores, keep)
        context = (weights.unsqueeze(-2) @ values).squeeze(-2)
        return (context, weights) if return_weights else context


class RecurrentCache:
    """What the decoder keeps while it writes: its state (B, d_hidden), the memory's keys (B, n, d_hidden)."""

    def __init__(self) -> None:
        self.state: Tensor | None = None
        self.keys: Tensor | None = None

    def select(self, rows: Int[Tensor, "rows"]) -> None:
        """Keep these rows of the batch, in this order."""
        self.state = None if self.state is None else self.state[rows]
        self.keys = None if self.keys is None else self.keys[rows]


def read_padded(
    gru: nn.GRU, x: Float[Tensor, "B n d"], keep: Bool[Tensor, "B n"] | None
) -> Float[Tensor, "B n d_states"]:
    """The states (B, n, d_states) of a GRU that reads only the tokens `keep` of x (B, n, d); 0 at the others.

    Packed sequences make the backward direction begin at the last real token instead of the padding.
    """
    if keep is None:
        return gru(x)[0]
    lengths = _lengths(keep).clamp(min=1).cpu()  # torch reads at least one token
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    states, _ = pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=x.shape[1])
    return states.masked_fill(~keep.unsqueeze(-1), 0)


def _lengths(keep: Bool[Tensor, "B n"]) -> Int[Tensor, "B"]:
    """How many tokens of each row (B,) are real. Raises ValueError where padding stands before one."""
    if (keep[:, 1:] & ~keep[:, :-1]).any():
        raise ValueError("keep must be True first and False after: padding must stand at the end of each row")
    return keep.sum(dim=1)


class RecurrentSeq2Seq(nn.Module):
    """A GRU reads the source, a second one writes the target; before each word it looks back at the source.

    Without `attention` all it gets is its first state, made from the last ones of the encoder (Sutskever,
    Vinyals and Le 2014, with LSTMs). With it every step also reads a context (Bahdanau, Cho and Bengio 2015,
    section 3). Unlike there the first state comes from both directions, a tanh layer on the new state and
    the context stands where the paper has maxout, and the reset gate acts as in torch.
    The memory (B, n, d_memory) holds the encoder's states, of both directions if `bidirectional`, 0 at
    padding, which must stand at the end. Raises ValueError for ids and masks that do not fit.
    """

    def __init__(
        self,
        n_source: int,
        n_target: int,
        d_embed: int,
        d_hidden: int,
        attention: bool = True,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        d_memory = 2 * d_hidden if bidirectional else d_hidden
        d_context = d_memory if attention else 0
        self.n_source, self.n_target, self.d_hidden = n_source, n_target, d_hidden
        self.embed_source = nn.Embedding(n_source, d_embed)
        self.embed_target = nn.Embedding(n_target, d_embed)
        self.encoder = nn.GRU(d_embed, d_hidden, batch_first=True, bidirectional=bidirectional)
        self.start = nn.Linear(d_memory, d_hidden)
        self.attention = AdditiveAttention(d_hidden, d_memory, d_hidden) if attention else None
        self.decoder = nn.GRUCell(d_embed + d_context, d_hidden)
        self.mix = nn.Linear(d_hidden + d_context, d_embed)
        self.output = nn.Linear(d_embed, n_target)

    def forward(
        self, source: Int[Tensor, "B n"], target: Int[Tensor, "B m"], keep: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B m n_target"]:
        """source (B, n), target (B, m) that begins with bos -> scores of each next token (B, m, n_target)."""
        return self.decode(target, self.encode(source, keep), keep)

    def encode(
        self, source: Int[Tensor, "B n"], keep: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B n d_memory"]:
        """source (B, n), of which `keep` are real tokens -> memory (B, n, d_memory)."""
        check_ids("source", source, self.n_source)
        check_keep(keep, source)
        return read_padded(self.encoder, self.embed_source(source), keep)

    def decode(
        self,
        target: Int[Tensor, "B m"],
        memory: Float[Tensor, "B n d_memory"],
        keep: Bool[Tensor, "B n"] | None = None,
        caches: list[RecurrentCache] | None = None,
        return_weights: bool = False,
    ):
        """target (B, m) reads memory (B, n, d_memory) -> logits (B, m, n_target).

        With caches, target holds only the tokens that are new since the last call. With `return_weights`
        also where each step looked, the alignment (B, m, n); None where nothing is weighed.
        """
        check_ids("target", target, self.n_target)
        check_keep(keep, memory)
        (cache,) = self.new_caches() if caches is None else caches
        if cache.state is None:
            self._begin(cache, memory, keep)
        outputs, alignment = [], []
        for word in self.embed_target(target).unbind(dim=1):
            context, weights = self._look_back(cache, memory, keep)
            cache.state = self.decoder(torch.cat([word, context], dim=-1), cache.state)
            outputs.append(torch.cat([cache.state, context], dim=-1))
            alignment.append(weights)
        logits = self.output(torch.tanh(self.mix(torch.stack(outputs, dim=1))))
        if return_weights:
            return logits, torch.stack(alignment, dim=1) if alignment[-1] is not None else None
        return logits

    def _begin(self, cache: RecurrentCache, memory: Tensor, keep: Tensor | None) -> None:
        """The first state, from where each direction of the encoder stopped; the keys of the memory."""
        forward, backward = memory.split([self.d_hidden, memory.shape[-1] - self.d_hidden], dim=-1)
        last = -1 if keep is None else _lengths(keep) - 1
        rows = torch.arange(len(memory), device=memory.device)
        cache.state = torch.tanh(self.start(torch.cat([forward[rows, last], backward[:, 0]], dim=-1)))
        cache.keys = self.attention.W_k(memory) if self.attention else None

    def _look_back(self, cache: RecurrentCache, memory: Tensor, keep: Tensor | None):
        """The context of the next step and the weights behind it; no features at all without attention."""
        if self.attention is None:
            return memory[:, 0, :0], None
        return self.attention(cache.state, cache.keys, memory, keep, return_weights=True)

    def new_caches(self) -> list[RecurrentCache]:
        """The empty cache for one batch of translations, in a list as other models have several."""
        return [RecurrentCache()]
