"""A measured document and its pictures, small and made up: an input, two methods, and a normal dose where wanted."""

from __future__ import annotations

import math

import numpy as np

CORNERS = [[7, 20, 12], [7, 28, 30], [9, 20, 12]]  # (slice, row, column); two on the slice that is shown
EDGES = [[7, 30.5, 40.0], [9, 10.0, 10.0]]
SPACING = (0.5, 0.8)  # between columns, between rows


def a_document(reference: bool = False) -> dict:
    images = ["input", "nlm", "rddm-fine", *(["reference"] if reference else [])]
    return {
        "research_use": "For research use only. Not for diagnosis.",
        "input": {
            "name": "abdomen 4", "shape": [64, 48, 30], "spacing_mm": [0.5, 0.8, 2.5],
            "slices": [5, 7, 9], "slices_total": 30,
        },
        "images": images,
        "titles": dict(zip(images, ("Original", "Non-local means", "RDDM Fine", "Normal dose"), strict=False)),
        "reference": "reference" if reference else None,
        "figures": _figures(images, reference),
        "definitions": {
            "noise": _defined("Noise level", "HU", 1, "noise", "How noisy it is."),
            "inner_fat": _defined("HU shift, fat", "HU", 1, "shift", "What fat has moved by."),
            "structure": _defined("Residual structure", "%", 1, "structure", "Anatomy in what was taken away."),
            "psnr_soft": _defined("PSNR, soft tissue", "dB", 2, "reference", "Likeness."),
            "gain_soft": _defined("PSNR gain, soft tissue", "dB", 2, "reference", "PSNR over the input's."),
            "dprime_5mm_15hu": _defined("d′, 5 mm, 15 HU", "", 2, "task", "How well it is seen."),
            "kept_5mm_15hu": _defined("Contrast kept, 5 mm, 15 HU", "%", 0, "task", "What is left of it."),
        },
        "curves": {
            "nps": _curve("Noise power spectrum", ("spatial frequency", "1/mm"), ("NPS", "HU² mm²"), images, 20),
            "detectability_15hu": _curve("Lesions of 15 HU", ("diameter", "mm"), ("d′", ""), images[:3], 4),
        },
        "verdicts": [
            {"image": "nlm", "key": "structure", "light": "red", "text": "It takes anatomy away."},
            {"image": "rddm-fine", "key": "structure", "light": "green", "text": "It takes noise away."},
        ],
        "per_slice": [
            {"image": name, "slice": number, "noise": 20.0 - 5 * place + number / 10}
            for place, name in enumerate(images)
            for number in (5, 7, 9)
        ],
        "rois": {"origin": "automatic", "side_mm": 6.4, "side": 8, "corners": CORNERS},
        "edges": EDGES,
        "records": {
            "nlm": {"software": "LDCTDenoise", "model": "nlm", "checksum": None, "seed": 0, "slices": [0, 30]},
            "rddm-fine": {
                "software": "LDCTDenoise", "model": "rddm-fine", "checksum": "6fd814683af4", "seed": 7,
                "slices": [0, 30], "versions": {"python": "3.11.7", "torch": "2.13.0"}, "self_check_rms_hu": 0.44034,
            },
        },
        "notices": ["SSIM was left out."],
    }  # fmt: skip


def some_slices(names=("input", "nlm", "rddm-fine"), shape=(48, 64)) -> dict[str, np.ndarray]:
    """A body in air with noise, less of it from image to image."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    body = np.hypot((x / shape[1] - 0.5) / 0.45, (y / shape[0] - 0.5) / 0.45) < 1
    return {
        name: (np.where(body, 40.0, -1000.0) + rng.normal(0, 20 / (1 + place), shape)).astype(np.float32)
        for place, name in enumerate(names)
    }


def _figures(images: list[str], reference: bool) -> list[dict]:
    found = []
    for place, name in enumerate(images):
        found.append({"image": name, "key": "noise", "value": 20.0 / (1 + place), "error": 0.31})
        if name in ("nlm", "rddm-fine"):
            found.append({"image": name, "key": "inner_fat", "value": -2.6 + place, "error": 0.12})
            found.append({"image": name, "key": "structure", "value": math.nan if place == 1 else 0.4, "error": None})
        if name != "reference":
            found.append({"image": name, "key": "dprime_5mm_15hu", "value": 1.0 + place / 10, "error": 0.05})
            found.append({"image": name, "key": "kept_5mm_15hu", "value": 100.0 - 7 * place, "error": 3.0})
        if reference and name != "reference":
            found.append({"image": name, "key": "psnr_soft", "value": 25.0 + 4.87 * place, "error": None})
            found.append({"image": name, "key": "gain_soft", "value": 4.87 * place, "error": 0.2})
    return found


def _defined(title: str, unit: str, digits: int, group: str, meaning: str) -> dict:
    return {"title": title, "unit": unit, "digits": digits, "group": group, "meaning": meaning}


def _curve(title: str, x: tuple[str, str], y: tuple[str, str], images: list[str], points: int) -> dict:
    at = np.linspace(0.05, 0.6, points)
    lines = [
        {"image": name, "x": at.tolist(), "y": (at / (1 + place)).tolist(), "error": [0.01] * points}
        for place, name in enumerate(images)
    ]
    return {"title": title, "x": x[0], "x_unit": x[1], "y": y[0], "y_unit": y[1], "lines": lines}
