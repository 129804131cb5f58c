"""A document as the library's measurement makes it, small and made up."""

from __future__ import annotations

DEFINITIONS = {
    "noise": ("Noise level", "HU"),
    "inner_soft": ("Shift, soft tissue", "HU"),
    "inner_fat": ("Shift, fat", "HU"),
    "inner_lung": ("Shift, lung", "HU"),
    "psnr_full": ("PSNR, full range", "dB"),
}


def document(withReference=False, noise=(21.34, 9.8), light="amber", slices=2) -> dict:
    """before, after and perhaps a normal dose; `noise` in HU before and after."""
    images = ["input", "rddm-balanced", *(["reference"] if withReference else [])]
    figures = [
        figure("input", "noise", noise[0], 0.5),
        figure("rddm-balanced", "noise", noise[1], 0.2),
        figure("rddm-balanced", "inner_soft", -0.3),
        figure("rddm-balanced", "inner_fat", 1.2, 0.1),
        figure("rddm-balanced", "inner_lung", None),
    ]
    if withReference:
        figures += [
            figure("reference", "noise", 8.0, 0.1),
            figure("input", "psnr_full", 37.7),
            figure("rddm-balanced", "psnr_full", 42.6),
        ]
    keys = {each["key"] for each in figures}
    return {
        "research_use": "For research use only. Not for diagnosis.",
        "input": {"name": "CT", "shape": [96, 96, 8], "spacing_mm": [0.8, 0.8, 2.0], "slices": list(range(slices)),
                  "slices_total": 8},
        "images": images,
        "titles": {"input": "Original", "rddm-balanced": "RDDM Balanced", "reference": "Normal dose"},
        "reference": "reference" if withReference else None,
        "figures": figures,
        "definitions": {
            key: {"title": title, "unit": unit, "digits": 1, "group": "noise", "meaning": "."}
            for key, (title, unit) in DEFINITIONS.items()
            if key in keys
        },
        "curves": {
            "nps": {
                "title": "Noise power spectrum", "x": "spatial frequency", "x_unit": "1/mm", "y": "NPS",
                "y_unit": "HU² mm²",
                "lines": [
                    {"image": image, "x": [0.1, 0.2, 0.3], "y": [900.0 / (1 + number), 700.0, None], "error": None}
                    for number, image in enumerate(images)
                ],
            }
        },
        "verdicts": [
            {"image": "rddm-balanced", "key": "structure", "light": light, "text": "The removed part holds 7 %."},
        ],
        "per_slice": [],
        "rois": {"origin": "automatic", "side_mm": 16.0, "corners": [], "side": 20},
        "edges": [],
        "records": {},
        "notices": ["Few edges."],
    }  # fmt: skip


def figure(image, key, value, error=None) -> dict:
    return {"image": image, "key": key, "value": value, "error": error}
