"""The blocks of a Transformer: norms, feed-forward, encoder and decoder layer, their stacks (lesson 11)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course_lib.transformer.attention import KVCache, MultiHeadAttention

ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),  # the approximation that GPT-2 was trained with
    "squared_relu": lambda x: F.relu(x).square(),
}


@dataclass(frozen=True)
class BlockConfig:
    """The sizes of a stack of layers, and which of the published variants its layers are.

    `d_hidden` None is 2 d_model, enough for the small models here; the 2017 paper has 4 d_model.
    `pre_norm` False is the layer of 2017. `final_norm` None gives pre-norm stacks the last norm that they
    need and post-norm stacks none, as in the paper. `bias` is that of the projections of attention.
    """

    d_model: int = 64
    n_heads: int = 4
    d_hidden: int | None = None
    n_layers: int = 2
    n_groups: int | None = None
    pre_norm: bool = True
    final_norm: bool | None = None
    norm: str = "layer"
    activation: str = "relu"
    bias: bool = True
    rotary: bool = False
    dropout: float = 0.0
    eps: float = 1e-5

    def new_norm(self) -> nn.Module:
        """A norm over d_model features."""
        if self.norm not in ("layer", "rms"):
            raise ValueError(f"norm must be 'layer' or 'rms'; got {self.norm!r}")
        return (LayerNorm if self.norm == "layer" else RMSNorm)(self.d_model, self.eps)

    def new_final_norm(self) -> nn.Module:
        """The norm after the last layer, or nothing."""
        wanted = self.pre_norm if self.final_norm is None else self.final_norm
        return self.new_norm() if wanted else nn.Identity()

    def new_attention(self, rotary: bool = False) -> MultiHeadAttention:
        """A multi-head attention of this size."""
        return MultiHeadAttention(self.d_model, self.n_heads, self.n_groups, self.bias, rotary)

    def new_feed_forward(self) -> "FeedForward":
        """A feed-forward network of this size."""
        d_hidden = 2 * self.d_model if self.d_hidden is None else self.d_hidden
        return FeedForward(self.d_model, d_hidden, self.activation)


def layer_norm(
    x: Float[Tensor, "*batch d"], gamma: Float[Tensor, "d"], beta: Float[Tensor, "d"], eps: float = 1e-5
) -> Float[Tensor, "*batch d"]:
    """Every vector of x (..., d) moved to mean 0, stretched to variance 1, then gamma * it + beta.

    The variance is the biased one (divided by d). Source: Ba, Kiros and Hinton 2016, equation 4.
    """
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).square().mean(dim=-1, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta


def rms_norm(
    x: Float[Tensor, "*batch d"], gamma: Float[Tensor, "d"], eps: float = 1e-5
) -> Float[Tensor, "*batch d"]:
    """Every vector of x (..., d) divided by its root mean square, then times gamma.

    Source: Zhang and Sennrich 2019, equation 4.
    """
    return gamma * x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + eps)


class LayerNorm(nn.Module):
    """`layer_norm` with its learnt gamma and beta, run by torch's kernel, which computes the same."""

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.eps = eps

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """x (..., d) -> (..., d)."""
        return F.layer_norm(x, self.gamma.shape, self.gamma, self.beta, self.eps)


class RMSNorm(nn.Module):
    """`rms_norm` with its learnt gamma, run by torch's kernel, which computes the same."""

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d))
        self.eps = eps

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """x (..., d) -> (..., d)."""
        return F.rms_norm(x, self.gamma.shape, self.gamma, self.eps)


class FeedForward(nn.Module):
    """Two linear maps with a bend between them, W_2(activation(W_1(x))), for each token on its own.

    Source: Vaswani et al. 2017, section 3.3; GELU: Hendrycks and Gimpel 2016; squared ReLU: So et al. 2021.
    """

    def __init__(self, d_model: int, d_hidden: int, activation: str = "relu") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        self.W_1, self.W_2 = nn.Linear(d_model, d_hidden), nn.Linear(d_hidden, d_model)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """x (..., d_model) -> (..., d_model)."""
        return self.W_2(self.activation(self.W_1(x)))


def residual_block(
    x: Float[Tensor, "*batch d"],
    sublayer: Callable[[Tensor], Tensor],
    norm: Callable[[Tensor], Tensor],
    pre: bool,
) -> Float[Tensor, "*batch d"]:
    """x + sublayer(norm(x)) if `pre`, else norm(x + sublayer(x)), the order of 2017.

    Source: He et al. 2016 (the residual); Vaswani et al. 2017, section 3.1; Xiong et al. 2020 (pre-norm).
    """
    return x + sublayer(norm(x)) if pre else norm(x + sublayer(x))


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each in a residual block. With `causal` it is the layer of a GPT.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.self_attn = config.new_attention(config.rotary)
        self.ffn = config.new_feed_forward()
        self.norm1, self.norm2 = config.new_norm(), config.new_norm()
        self.dropout = nn.Dropout(config.dropout)
        self.pre_norm = config.pre_norm

    def forward(
        self,
        x: Float[Tensor, "B n d_model"],
        mask: Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
        causal: bool = False,
        cache: KVCache | None = None,
        return_weights: bool = False,
    ):
        """x (B, n, d_model) -> (B, n, d_model), and the weights (B, n_heads, n, n) if asked for.

        mask, bias, causal and cache as in MultiHeadAttention; padding `keep` (B, n) is mask keep[:, None].
        """
        kept = []

        def attend(h: Tensor) -> Tensor:
            context = self.self_attn(h, None, None, mask, bias, causal, cache, return_weights)
            return self.dropout(_put_aside(context, kept))

        x = residual_block(x, attend, self.norm1, self.pre_norm)
        x = residual_block(x, lambda h: self.dropout(self.ffn(h)), self.norm2, self.pre_norm)
        return (x, *kept) if return_weights else x


def _put_aside(context: Tensor | tuple[Tensor, Tensor], kept: list[Tensor]) -> Tensor:
    """The context; weights that came with it are put into `kept`."""
    if isinstance(context, tuple):
        context, weights = context
        kept.append(weights)
    return context


class DecoderCache:
    """What a decoder layer keeps while it writes: its own keys and values, and those of the memory."""

    def __init__(self) -> None:
        self.own = KVCache()
        self.memory: tuple[Tensor, Tensor] | None = None

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order."""
        self.own.select(rows)
        if self.memory is not None:
            K, V = self.memory
            self.memory = K[rows], V[rows]


class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention to the encoder's memory, feed-forward: three residual blocks.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.self_attn, self.cross_attn = config.new_attention(config.rotary), config.new_attention()
        self.ffn = config.new_feed_forward()
        self.norm1, self.norm2, self.norm3 = config.new_norm(), config.new_norm(), config.new_norm()
        self.dropout = nn.Dropout(config.dropout)
        self.pre_norm = config.pre_norm

    def forward(
        self,
        y: Float[Tensor, "B n_q d_model"],
        memory: Float[Tensor, "B n_k d_model"],
        mask: Bool[Tensor, "..."] | None = None,
        memory_mask: Bool[Tensor, "..."] | None = None,
        memory_bias: Float[Tensor, "..."] | None = None,
        causal: bool = True,
        cache: DecoderCache | None = None,
        return_weights: bool = False,
    ):
        """y (B, n_q, d_model) reads the memory (B, n_k, d_model) -> (B, n_q, d_model).

        `mask` is for y on itself, `memory_mask` and `memory_bias` for y on the memory. With `return_weights`
        also the weights of self-attention (B, n_heads, n_q, n_q) and cross-attention (B, n_heads, n_q, n_k).
        """
        kept = []
        own = None if cache is None else cache.own
        K, V = self._memory(memory, cache)

        def ask_itself(h: Tensor) -> Tensor:
            context = self.self_attn(h, None, None, mask, None, causal, own, return_weights)
            return self.dropout(_put_aside(context, kept))

        def ask_memory(h: Tensor) -> Tensor:
            context = self.cross_attn.attend(h, K, V, memory_mask, memory_bias, False, return_weights)
            return self.dropout(_put_aside(context, kept))

        y = residual_block(y, ask_itself, self.norm1, self.pre_norm)
        y = residual_block(y, ask_memory, self.norm2, self.pre_norm)
        y = residual_block(y, lambda h: self.dropout(self.ffn(h)), self.norm3, self.pre_norm)
        return (y, *kept) if return_weights else y

    def _memory(self, memory: Tensor, cache: DecoderCache | None) -> tuple[Tensor, Tensor]:
        """Keys and values of the memory; a cache has them computed once."""
        if cache is None:
            return self.cross_attn.keys_values(memory)
        if cache.memory is None:
            cache.memory = self.cross_attn.keys_values(memory)
        return cache.memory


class Encoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_layers))
        self.norm = config.new_final_norm()

    def forward(
        self,
        x: Float[Tensor, "B n d_model"],
        mask: Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
        causal: bool = False,
        caches: list[KVCache] | None = None,
        return_weights: bool = False,
    ):
        """x (B, n, d_model) -> (B, n, d_model), and a list with each layer's weights if asked for."""
        kept = []
        for i, layer in enumerate(self.layers):
            cache = None if caches is None else caches[i]
            x = _put_aside(layer(x, mask, bias, causal, cache, return_weights), kept)
        return (self.norm(x), kept) if return_weights else self.norm(x)


class Decoder(nn.Module):
    """A stack of decoder layers, which all read the same memory."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_layers))
        self.norm = config.new_final_norm()

    def forward(
        self,
        y: Float[Tensor, "B n_q d_model"],
        memory: Float[Tensor, "B n_k d_model"],
        mask: Bool[Tensor, "..."] | None = None,
        memory_mask: Bool[Tensor, "..."] | None = None,
        causal: bool = True,
        caches: list[DecoderCache] | None = None,
        return_weights: bool = False,
    ):
        """y (B, n_q, d_model) reads the memory (B, n_k, d_model) -> (B, n_q, d_model).

        With `return_weights` also two lists, one entry per layer: weights of self- and of cross-attention.
        """
        own, crossed = [], []
        for i, layer in enumerate(self.layers):
            cache = None if caches is None else caches[i]
            out = layer(y, memory, mask, memory_mask, None, causal, cache, return_weights)
            y, *weights = out if return_weights else (out,)
            own += weights[:1]
            crossed += weights[1:]
        return (self.norm(y), own, crossed) if return_weights else self.norm(y)


@torch.no_grad()
def zero_outputs(model: nn.Module) -> None:
    """Start every attention and feed-forward with an output of zero: each layer begins as the identity.

    Meant to make deep stacks safer to train (Zhang, Dauphin and Ma 2019, Fixup, section 3). Lesson 13 takes
    it away and looks what that changes.
    """
    for module in model.modules():
        if isinstance(module, MultiHeadAttention | FeedForward):
            last = module.W_o if isinstance(module, MultiHeadAttention) else module.W_2
            for parameter in last.parameters():
                parameter.zero_()
