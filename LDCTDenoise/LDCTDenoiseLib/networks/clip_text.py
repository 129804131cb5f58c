"""The text branch of DA-CLIP: two prompts, half learned, through CLIP's text transformer. Inference does not need it.

CLIP: Radford et al., arXiv 2103.00020; learned context around the words: Zhou et al., CoOp, arXiv 2109.01134. Written
from the description of the network; the names of parameters are those of `DA-CLIP.pth`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The two prompts in CLIP's vocabulary: what follows 16 placeholders for the learned vectors. The authors' file holds
# the vectors of these tokens, but not where the texts end.
CLEAN = (1400, 11497, 1122, 2867, 852)  # high dose CT image..
NOISY = (1042, 11497, 1122, 33495, 2867, 852)  # low dose CT noisy image..
START, END, PADDING = 49406, 49407, 0
CONTEXT = 16  # learned vectors: half of them before the name of the class, half behind it
NAME = 3  # tokens: "high dose CT", "low dose CT"
ENDS = (1 + CONTEXT + len(CLEAN), 1 + CONTEXT + len(NOISY))  # 22 and 23: the position whose output is the text's


@dataclass(frozen=True)
class TextArguments:
    """The size of the text branch; the defaults are the authors'.

    vocabulary  rows of the token embedding, which is read only when new prompts are made; 0: there is none, and the
                words of new prompts are random vectors
    context     tokens of a text, padding included
    """

    width: int = 512
    heads: int = 8
    layers: int = 12
    vocabulary: int = 49408
    context: int = 77


def token_ids(context: int) -> list[list[int]]:
    """The two prompts without their learned vectors: start, words, end, padding; [2][context − 16]."""
    texts = [[START, *words, END] for words in (CLEAN, NOISY)]
    return [text + [PADDING] * (context - CONTEXT - len(text)) for text in texts]


class PromptLearner(nn.Module):
    """Two prompts, clean and noisy: [start][8 learned][name of the class][8 learned][rest, end, padding].

    words  the embedding of the vocabulary; None: random vectors, the same for a token wherever it stands
    """

    def __init__(self, text: TextArguments, words: nn.Embedding | None):
        super().__init__()
        self.ctx = nn.Parameter(torch.randn(2, CONTEXT, text.width) * 0.02)
        ids = token_ids(text.context)
        if words is None:
            known = sorted({token for row in ids for token in row})
            vectors = torch.randn(len(known), text.width) * 0.02
            fixed = vectors[torch.tensor([[known.index(token) for token in row] for row in ids])]
        else:
            fixed = words.weight.detach()[torch.tensor(ids)]
        self.register_buffer("token_prefix", fixed[:, :1].clone())
        self.register_buffer("token_suffix", fixed[:, 1:].clone())

    def forward(self) -> Tensor:
        """The vectors of both prompts, [2, context, width]."""
        before, behind = self.ctx.split(CONTEXT // 2, dim=1)
        name, rest = self.token_suffix[:, :NAME], self.token_suffix[:, NAME:]
        return torch.cat([self.token_prefix, before, name, behind, rest], dim=1)


class CausalAttention(nn.Module):
    """Multi-head attention of every token to itself and those before it."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.randn(3 * width, width) * width**-0.5)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, width = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias).reshape(b, n, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [B, heads, tokens, width/heads]
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(attended.transpose(1, 2).reshape(b, n, width))


class QuickGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class TextBlock(nn.Module):
    """Attention and a perceptron of four times the width, each on normalised tokens and added to them."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attn, self.ln_1 = CausalAttention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class TextTower(nn.Module):
    """CLIP's text transformer: the vectors of two prompts → their features."""

    def __init__(self, text: TextArguments, features: int):
        super().__init__()
        if text.width % text.heads:
            raise ValueError(f"{text.heads} heads cannot share a width of {text.width} evenly")
        if text.context <= max(ENDS):
            raise ValueError(f"the prompts need a context of more than {max(ENDS)} tokens, not {text.context}")
        self.token_embedding = nn.Embedding(text.vocabulary, text.width) if text.vocabulary else None
        if self.token_embedding is not None:
            nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.positional_embedding = nn.Parameter(torch.randn(text.context, text.width) * 0.01)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.Sequential(*(TextBlock(text.width, text.heads) for _ in range(text.layers)))
        self.ln_final = nn.LayerNorm(text.width)
        self.text_projection = nn.Parameter(torch.randn(text.width, features) * text.width**-0.5)

    def forward(self, prompts: Tensor) -> Tensor:
        """prompts [2, context, width], clean and noisy → features [2, features], of any length."""
        used = max(ENDS) + 1  # no token reads those behind it, so the padding never counts
        x = prompts[:, :used] + self.positional_embedding[:used]
        x = self.ln_final(self.transformer.resblocks(x))
        return x[torch.arange(2, device=x.device), torch.tensor(ENDS, device=x.device)] @ self.text_projection
