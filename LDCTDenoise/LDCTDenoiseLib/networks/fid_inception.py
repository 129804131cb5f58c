"""Inception v3 in the variant that the Fréchet inception distance is defined with.

Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016; Heusel et al., NeurIPS 2017.
The distance is that of one network of 2015, which differs from the paper's in its pooling: averages do not count the
padding, the last block takes the maximum, and the classifier has 1008 classes. Tensors are named as in the file
`pt_inception-2015-12-05-6726825d.pth`, so that it loads as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 2048
SIDE = 299  # pixels of the network's input
_CLASSES = 1008


class FIDInception(nn.Module):
    """float32 [n, 3, rows, columns] in [0, 1] → [n, 2048], the features before the classifier."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = _Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = _Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3)
        self.Mixed_5b = _Mixed5(192, 32)
        self.Mixed_5c = _Mixed5(256, 64)
        self.Mixed_5d = _Mixed5(288, 64)
        self.Mixed_6a = _Reduce6(288)
        self.Mixed_6b = _Mixed6(128)
        self.Mixed_6c = _Mixed6(160)
        self.Mixed_6d = _Mixed6(160)
        self.Mixed_6e = _Mixed6(192)
        self.Mixed_7a = _Reduce7()
        self.Mixed_7b = _Mixed7(1280)
        self.Mixed_7c = _Mixed7(2048, largest=True)
        self.fc = nn.Linear(FEATURES, _CLASSES)  # in the file; the features do not pass it

    def forward(self, images: Tensor) -> Tensor:
        x = F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * x - 1)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, stride=2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean(dim=(2, 3))


class _Conv(nn.Module):
    """Convolution without bias, batch normalisation, ReLU; named as in the file."""

    def __init__(self, channels: int, out: int, kernel, **how):
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, bias=False, **how)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _wide(channels: int, out: int) -> _Conv:
    return _Conv(channels, out, (1, 7), padding=(0, 3))


def _tall(channels: int, out: int) -> _Conv:
    return _Conv(channels, out, (7, 1), padding=(3, 0))


class _Mixed5(nn.Module):
    """35 × 35: one, five, and twice three pixels wide, and a local average."""

    def __init__(self, channels: int, pooled: int):
        super().__init__()
        self.branch1x1 = _Conv(channels, 64, 1)
        self.branch5x5_1 = _Conv(channels, 48, 1)
        self.branch5x5_2 = _Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = _Conv(channels, 64, 1)
        self.branch3x3dbl_2 = _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, padding=1)
        self.branch_pool = _Conv(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_average(x))], dim=1)


class _Reduce6(nn.Module):
    """35 × 35 → 17 × 17."""

    def __init__(self, channels: int):
        super().__init__()
        self.branch3x3 = _Conv(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = _Conv(channels, 64, 1)
        self.branch3x3dbl_2 = _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], dim=1)


class _Mixed6(nn.Module):
    """17 × 17, 768 channels: seven pixels wide and tall, once and twice."""

    def __init__(self, inner: int):
        super().__init__()
        self.branch1x1 = _Conv(768, 192, 1)
        self.branch7x7_1 = _Conv(768, inner, 1)
        self.branch7x7_2 = _wide(inner, inner)
        self.branch7x7_3 = _tall(inner, 192)
        self.branch7x7dbl_1 = _Conv(768, inner, 1)
        self.branch7x7dbl_2 = _tall(inner, inner)
        self.branch7x7dbl_3 = _wide(inner, inner)
        self.branch7x7dbl_4 = _tall(inner, inner)
        self.branch7x7dbl_5 = _wide(inner, 192)
        self.branch_pool = _Conv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(_average(x))], dim=1)


class _Reduce7(nn.Module):
    """17 × 17 → 8 × 8."""

    def __init__(self):
        super().__init__()
        self.branch3x3_1 = _Conv(768, 192, 1)
        self.branch3x3_2 = _Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = _Conv(768, 192, 1)
        self.branch7x7x3_2 = _wide(192, 192)
        self.branch7x7x3_3 = _tall(192, 192)
        self.branch7x7x3_4 = _Conv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, stride=2)], dim=1)


class _Mixed7(nn.Module):
    """8 × 8: three pixels wide beside three tall; the last of them pools by the maximum."""

    def __init__(self, channels: int, largest: bool = False):
        super().__init__()
        self.largest = largest
        self.branch1x1 = _Conv(channels, 320, 1)
        self.branch3x3_1 = _Conv(channels, 384, 1)
        self.branch3x3_2a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = _Conv(channels, 448, 1)
        self.branch3x3dbl_2 = _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = _Conv(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.largest else _average(x)
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(once),
                self.branch3x3_2b(once),
                self.branch3x3dbl_3a(twice),
                self.branch3x3dbl_3b(twice),
                self.branch_pool(pooled),
            ],
            dim=1,
        )
