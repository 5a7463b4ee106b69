"""The style of the pictures, after the paper's Figure 1: data black and dotted, G green, D blue and dashed."""

from typing import Any

WIDTH = 5.5
"""Inches: the width of the paper's column, so that a figure is printed as it is drawn and its text keeps its size."""

DATA: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.3}
GENERATOR: dict[str, Any] = {"color": "tab:green", "linestyle": "-", "linewidth": 1.1}
DISCRIMINATOR: dict[str, Any] = {"color": "tab:blue", "linestyle": "--", "linewidth": 1.1}
BINS: dict[str, Any] = {"color": "0.85"}
THEORY: dict[str, Any] = {"color": "0.6", "linewidth": 0.7}
CURVES: list[dict[str, Any]] = [  # for the colour-blind, and told apart by their dashes in greyscale
    GENERATOR,
    {"color": "#d55e00", "linestyle": (0, (6, 1.5)), "linewidth": 1.1},
    {"color": "#0072b2", "linestyle": (0, (1, 1)), "linewidth": 1.4},
    {"color": "#cc79a7", "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.1},
]
MINUS = "\N{MINUS SIGN}"

SMALL = 6.5  # points, the least that is read at this width
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8,
    "axes.titlepad": 4,
    "axes.labelpad": 2,
    "figure.labelsize": 8,
    "figure.titlesize": 8,
    "font.size": 8,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.3,
    **{f"{axis}tick.labelsize": 7 for axis in "xy"},
    **{f"{axis}tick.major.size": 2.5 for axis in "xy"},
    **{f"{axis}tick.major.width": 0.6 for axis in "xy"},
    **{f"{axis}tick.major.pad": 2 for axis in "xy"},
    **{f"{axis}tick.minor.size": 1.5 for axis in "xy"},
    **{f"{axis}tick.minor.width": 0.4 for axis in "xy"},
}
