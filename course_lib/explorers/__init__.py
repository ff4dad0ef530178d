"""Pictures one can touch: one factory function per explorer. Loads neither torch nor matplotlib."""

from course_lib.explorers.attention import attention_explorer
from course_lib.explorers.bert_vs_gpt import bert_vs_gpt_explorer
from course_lib.explorers.block import block_explorer
from course_lib.explorers.cost import cost_explorer
from course_lib.explorers.dot_product import dot_product_explorer
from course_lib.explorers.encoder_decoder import encoder_decoder_explorer
from course_lib.explorers.mask import mask_explorer
from course_lib.explorers.multi_head import multi_head_explorer
from course_lib.explorers.path_length import path_length_explorer
from course_lib.explorers.positions import positions_explorer
from course_lib.explorers.qkv import qkv_explorer
from course_lib.explorers.sampling import sampling_explorer
from course_lib.explorers.softmax import softmax_explorer
from course_lib.explorers.sqrt_d import sqrt_d_explorer
from course_lib.explorers.tokenizer import tokenizer_explorer
from course_lib.explorers.training_replay import training_replay_explorer
from course_lib.explorers.vision import vision_explorer

__all__ = [
    "attention_explorer",
    "bert_vs_gpt_explorer",
    "block_explorer",
    "cost_explorer",
    "dot_product_explorer",
    "encoder_decoder_explorer",
    "mask_explorer",
    "multi_head_explorer",
    "path_length_explorer",
    "positions_explorer",
    "qkv_explorer",
    "sampling_explorer",
    "softmax_explorer",
    "sqrt_d_explorer",
    "tokenizer_explorer",
    "training_replay_explorer",
    "vision_explorer",
]
