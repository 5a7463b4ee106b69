"""Many runs in one picture: p_g of every seed over p_data, and each statistic over the settings."""

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from gan_paper.measure.comparison import Row
from gan_paper.measure.recording import Recording
from gan_paper.plots import BINS, DATA, GENERATOR, STYLE, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SHOWN = 12
"""Settings at most whose densities are drawn."""


class Setting(NamedTuple):
    """The runs of one setting.

    Attributes:
        label: Its values, or the preset.
        made: The recording of each seed's run, at least one.
        judged: The comparison of each with the reference; nothing if there is none.
    """

    label: str
    made: Sequence[Recording]
    judged: Sequence[Sequence[Row]]


def sweep(settings: Sequence[Setting], reference: Recording | None) -> Figure:
    """Above, for each setting the last p_g of every seed over p_data; below, each statistic over the settings.

    What the reference accepts is shaded. Settings are numbered from the left, as the panels above are titled.

    Args:
        settings: At least one.
        reference: Of the experiment, if it has one.
    """
    columns = min(3, max(2, len(settings)))
    shown = settings[:SHOWN]
    densities = math.ceil(len(shown) / columns)
    statistics = [[row.name for row in rows] for setting in settings for rows in setting.judged[:1]]
    names = statistics[0] if statistics else []
    with plt.rc_context(STYLE):
        upper, lower = 1.5 * densities, 1.35 * math.ceil(len(names) / 3)
        figure = plt.figure(figsize=(WIDTH, upper + lower + 0.2), layout="constrained")
        parts = figure.subfigures(2 if names else 1, 1, height_ratios=[upper, lower] if names else [1], squeeze=False)
        above = parts[0, 0].subplots(densities, columns, sharex=True, sharey=True, squeeze=False)
        for number, (ax, setting) in enumerate(zip_longest(above.flat, shown), 1):
            if setting is None:
                ax.set_axis_off()
                continue
            _densities(ax, setting, reference)
            ax.set_title(f"{number}: {setting.label}" if len(settings) > 1 else setting.label, fontsize=6.5)
        handles, labels = above.flat[0].get_legend_handles_labels()
        parts[0, 0].legend(handles, labels, loc="outside upper center", ncols=2)
        parts[0, 0].supylabel("density")
        parts[0, 0].supxlabel(settings[0].made[0].main if settings[0].made[0].main != "entries" else "x")
        if names:
            panels = parts[1, 0].subplots(math.ceil(len(names) / 3), 3, squeeze=False)
            for index, ax in enumerate(panels.flat):
                if index < len(names):
                    _statistic(ax, settings, index)
                else:
                    ax.set_axis_off()
            parts[1, 0].supxlabel("setting; shaded: what the reference accepts")
        return figure


def _densities(ax: Axes, setting: Setting, reference: Recording | None) -> None:
    if reference:
        target = reference.histogram(view=setting.made[0].main)
        ax.plot(_centres(target.edges), target.density, label="$p_{data}$", zorder=3, **DATA)
    for number, recording in enumerate(setting.made):
        histogram = recording.histogram()
        label = None if number else f"$p_g$, {len(setting.made)} seed{'s' * (len(setting.made) > 1)}"
        style = {**GENERATOR, "linewidth": 0.6}
        ax.plot(_centres(histogram.edges), histogram.density, alpha=0.7, label=label, **style)
    ax.set_ylim(bottom=0)


def _statistic(ax: Axes, settings: Sequence[Setting], index: int) -> None:
    first = next(rows[index] for setting in settings for rows in setting.judged)
    ax.axhspan(first.low, first.high, linewidth=0, **BINS)
    for number, setting in enumerate(settings, 1):
        values = [rows[index].run for rows in setting.judged]
        spread = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else [0]  # so that none hides another
        ax.plot(number + np.asarray(spread), values, "o", color=GENERATOR["color"], markersize=2.5, alpha=0.8)
    ax.set_title(f"{first.name}{f' ({first.statistic.unit})' if first.statistic.unit else ''}", fontsize=6.5)
    ax.set_xlim(0.5, len(settings) + 0.5)
    ax.set_xticks(range(1, len(settings) + 1, max(1, len(settings) // 8)))
    if not first.low:
        ax.set_ylim(bottom=0)


def _centres(edges: np.ndarray) -> np.ndarray:
    return (edges[1:] + edges[:-1]) / 2
