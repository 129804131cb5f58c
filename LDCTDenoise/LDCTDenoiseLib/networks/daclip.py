"""DA-CLIP: a low-dose slice in, two embeddings out: one orders radiation dose, one separates anatomies.

Chen, Gao, Li, Zhang, Zhang, Zhao, Shan: FoundDiff, arXiv 2508.17299. CLIP's modified ResNet (Radford et al., arXiv
2103.00020) without a positional embedding in its attention pool, so that any height and width do, and two heads on
its feature. Written from the description of the network; the names of parameters are those of `DA-CLIP.pth`, so
that it can be loaded. The text branch is in clip_text.py and is there only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .clip_text import PromptLearner, TextArguments, TextTower

EXPANSION = 4  # a stage of `width` ends in 4 · width channels
SMALLEST = 32  # pixels: the encoder halves five times
TEMPERATURE = 0.07  # of the logits; the `logit_scale` in the authors' file is not used

# what the authors' file holds beside: no computation reads it
UNREAD = ("clip_model.visual.attnpool.positional_embedding", "clip_model.logit_scale")
# the text branch, whole modules and single entries
TEXT = (
    "clip_model.transformer.", "clip_model.ln_final.", "clip_model.token_embedding.", "clip_model.positional_embedding",
    "clip_model.text_projection", "prompt_learner.",
)  # fmt: skip


def is_text(name: str) -> bool:
    """Whether an entry of `DA-CLIP.pth` belongs to the text branch."""
    return any(name.startswith(part) if part.endswith(".") else name == part for part in TEXT)


class Bottleneck(nn.Module):
    """1×1, 3×3, average over `stride`, 1×1; added to the input, which is averaged and widened in the same way."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        out_channels = EXPANSION * width
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        nn.init.zeros_(self.bn3.weight)  # a new block starts as its skip
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.downsample = None
        if stride > 1 or channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(self.pool(h)))
        return F.relu(h + (x if self.downsample is None else self.downsample(self.pool(x))))


class AttentionPool(nn.Module):
    """Attention of the mean over all positions to itself and to them, projected: [B, C, H, W] → [B, features]."""

    def __init__(self, channels: int, heads: int, features: int):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(channels, channels) for _ in range(3))
        self.c_proj = nn.Linear(channels, features)
        for projection in (self.q_proj, self.k_proj, self.v_proj, self.c_proj):
            nn.init.normal_(projection.weight, std=channels**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2)
        tokens = torch.cat([tokens.mean(dim=2, keepdim=True), tokens], dim=2)  # [B, C, 1 + H·W]
        query = self._per_head(self.q_proj(tokens[:, :, 0]))  # [B, heads, C/heads]
        # Only token 0 asks. So (Wk x + b)·q is computed as x·(Wkᵀ q) + b·q and the mean of Wv x as Wv times the mean
        # of x: keys and values of the positions are never made.
        keys, key_bias = self._split(self.k_proj)
        asked = torch.einsum("bhd,hdc->bhc", query, keys)
        scores = asked @ tokens + (query * key_bias).sum(dim=2, keepdim=True)
        weights = (scores * query.shape[2] ** -0.5).softmax(dim=2)  # [B, heads, 1 + H·W]
        attended = weights @ tokens.transpose(1, 2)  # [B, heads, C]
        values, value_bias = self._split(self.v_proj)
        return self.c_proj((torch.einsum("bhc,hdc->bhd", attended, values) + value_bias).flatten(1))

    def _per_head(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), self.heads, -1)

    def _split(self, projection: nn.Linear) -> tuple[Tensor, Tensor]:
        """Weight [heads, C/heads, C] and bias [heads, C/heads]."""
        weight = projection.weight
        return weight.reshape(self.heads, -1, weight.shape[1]), projection.bias.reshape(self.heads, -1)


class ImageEncoder(nn.Module):
    """CLIP's ResNet: a stem of three convolutions, four stages of bottlenecks, the attention pool."""

    def __init__(self, features: int, layers: Sequence[int], width: int, heads: int):
        super().__init__()
        half = width // 2
        self.conv1, self.bn1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(half)
        self.conv2, self.bn2 = nn.Conv2d(half, half, 3, padding=1, bias=False), nn.BatchNorm2d(half)
        self.conv3, self.bn3 = nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        channels = width
        for stage, blocks in enumerate(layers):
            entry = []
            for block in range(blocks):
                entry.append(Bottleneck(channels, width << stage, stride=2 if stage > 0 and block == 0 else 1))
                channels = EXPANSION * (width << stage)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*entry))
        self.stages = len(layers)
        self.attnpool = AttentionPool(channels, heads, features)

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 1, H, W] → feature [B, features]."""
        # the authors repeat the slice to three channels: the same as one channel and the sum of the weights
        h = F.conv2d(image, self.conv1.weight.sum(dim=1, keepdim=True), stride=2, padding=1)
        h = F.relu(self.bn1(h))
        h = F.relu(self.bn2(self.conv2(h)))
        h = F.avg_pool2d(F.relu(self.bn3(self.conv3(h))), 2)
        for stage in range(self.stages):
            h = self.get_submodule(f"layer{stage + 1}")(h)
        return self.attnpool(h)


def head(features: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, out_features))


class DACLIP(nn.Module):
    """The perception of FoundDiff.

    embed             features of the encoder, and of the dose embedding
    layers            bottlenecks of each stage
    width             channels of the first stage (inside its bottlenecks); doubled by each of the following ones
    anatomy_features  of the anatomy embedding
    heads             of the attention pool; None: one for 64 channels, at least one
    text              of the text branch, which training and `clean_probability` need; None: there is none

    The defaults are the authors' network. Its file can be loaded with and without the text branch: entries of a
    branch that is not there, and those that nothing reads, are passed over; any other difference is an error.
    """

    def __init__(
        self,
        embed: int = 1024,
        layers: Sequence[int] = (3, 4, 6, 3),
        width: int = 64,
        anatomy_features: int = 256,
        heads: int | None = None,
        text: TextArguments | dict | None = None,
    ):
        super().__init__()
        channels = EXPANSION * (width << (len(layers) - 1))
        heads = max(1, channels // 64) if heads is None else heads
        if channels % heads:
            raise ValueError(f"{heads} heads cannot share {channels} channels evenly")
        text = TextArguments(**text) if isinstance(text, dict) else text
        self.clip_model = nn.Module() if text is None else TextTower(text, embed)
        self.clip_model.visual = ImageEncoder(embed, layers, width, heads)
        self.prompt_learner = None if text is None else PromptLearner(text, self.clip_model.token_embedding)
        self.head1 = head(embed, embed)
        self.head2 = head(embed, anatomy_features)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """image [B, 1, H, W] in [−1, 1], any size → dose [B, embed] and anatomy [B, anatomy_features], of length 1."""
        if image.ndim != 4 or image.shape[1] != 1:
            raise ValueError(f"expected a tensor [B, 1, H, W], got {list(image.shape)}")
        below, right = (max(0, SMALLEST - side) for side in image.shape[2:])
        if below or right:
            image = F.pad(image, (0, right, 0, below), mode="replicate")
        feature = self.clip_model.visual(image)
        return F.normalize(self.head1(feature), dim=1), F.normalize(self.head2(feature), dim=1)

    # the text branch

    def text_embeddings(self) -> Tensor:
        """[2, embed], of length 1: the prompts of a clean and of a noisy slice. They do not depend on any image."""
        if self.prompt_learner is None:
            raise ValueError("this DA-CLIP was made without its text branch")
        return F.normalize(self.clip_model(self.prompt_learner()), dim=1)

    def logits(self, dose_embedding: Tensor) -> Tensor:
        """dose embedding [B, embed] → [B, 2]: clean, noisy."""
        return dose_embedding @ self.text_embeddings().T / TEMPERATURE

    def clean_probability(self, image: Tensor) -> Tensor:
        """image [B, 1, H, W] → [B, 1]: how much the slice looks like high dose to the prompts."""
        return self.logits(self(image)[0]).softmax(dim=1)[:, :1]

    def _load_from_state_dict(self, state_dict, prefix, *rest) -> None:
        """Called by `load_state_dict` with a copy that is this module's to change."""
        words = f"{prefix}clip_model.token_embedding.weight"
        for name in list(state_dict):
            local = name.removeprefix(prefix)
            no_place = is_text(local) and self.prompt_learner is None
            if name.startswith(prefix) and (local in UNREAD or no_place):
                del state_dict[name]
        if self.prompt_learner is not None:
            held = self.clip_model.token_embedding
            if held is None:
                state_dict.pop(words, None)
            else:
                state_dict.setdefault(words, held.weight.data)  # only new prompts would read it: files may lack it
        super()._load_from_state_dict(state_dict, prefix, *rest)
