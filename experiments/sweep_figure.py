"""The figure of `sweep.py`: p_g of every seed over p_data, and each statistic over the settings."""

import contextlib
import math
from collections.abc import Sequence
from typing import NamedTuple

from gan_paper.metrics import Recording
from gan_paper.metrics.comparison import Row, compare
from gan_paper.plots import BINS, DATA, GENERATOR, SMALL, STYLE, WIDTH

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMNS = 3


class Setting(NamedTuple):
    """The runs of one setting.

    Attributes:
        label: What differs from the other settings, one per line.
        recordings: Recordings of the runs, one per seed; at least one.
        reference: Reference of the runs, if they have one.
    """

    label: str
    recordings: Sequence[Recording]
    reference: Recording | None

    def compared(self) -> list[list[Row]]:
        """Comparisons of the runs with the reference, without runs that cannot be compared."""
        rows: list[list[Row]] = []
        for recording in self.recordings:
            with contextlib.suppress(ValueError):
                rows += [compare(recording, self.reference)] if self.reference else []
        return rows


def draw_settings(settings: Sequence[Setting]) -> Figure:
    """For each setting, the last p_g of every seed over p_data; then each statistic over the settings.

    The settings are numbered, and the range that the reference accepts is shaded.
    """
    compared = [setting.compared() for setting in settings]
    statistics = next((rows[0] for rows in compared if rows), [])
    rows = math.ceil((len(settings) + len(statistics)) / COLUMNS)
    lines = max(setting.label.count("\n") for setting in settings) * math.ceil(len(settings) / COLUMNS)
    with plt.rc_context(STYLE):
        size = WIDTH, 0.3 + 1.35 * rows + 0.11 * lines
        figure, axes = plt.subplots(rows, COLUMNS, figsize=size, squeeze=False, layout="constrained")
        panels = iter(axes.flat)
        for number, (setting, ax) in enumerate(zip(settings, panels, strict=False), 1):
            _densities(ax, setting)
            ax.set_title(f"{number}: {setting.label}" if len(settings) > 1 else setting.label, size=SMALL)
        for index, (first, ax) in enumerate(zip(statistics, panels, strict=False)):
            _statistic(ax, first, [[rows[index] for rows in of_setting] for of_setting in compared])
        for ax in panels:
            ax.set_axis_off()
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure


def _densities(ax: Axes, setting: Setting) -> None:
    main = setting.recordings[0].main
    if setting.reference:
        target = setting.reference.histogram(view=main)
        ax.stairs(target.density, target.edges, label="$p_{data}$", baseline=None, zorder=3, **DATA)
    for number, recording in enumerate(setting.recordings):
        histogram = recording.histogram()
        style = {**GENERATOR, "linewidth": 0.6, "label": None if number else "$p_g$ of each seed"}
        ax.stairs(histogram.density, histogram.edges, baseline=None, alpha=0.7, **style)
    ax.set(xlabel=main, ylabel="density")
    ax.set_ylim(bottom=0)


def _statistic(ax: Axes, first: Row, compared: Sequence[Sequence[Row]]) -> None:
    for number, rows in enumerate(compared, 1):
        for row in rows[:1]:
            ax.fill_between([number - 0.5, number + 0.5], row.low, row.high, linewidth=0, **BINS)
        spread = (
            np.linspace(-0.15, 0.15, len(rows)) if len(rows) > 1 else np.zeros(len(rows))
        )  # so that no point hides another
        values = [row.run for row in rows]
        ax.plot(number + spread, values, "o", color=GENERATOR["color"], markersize=2.5, alpha=0.8)
    ax.set_title(first.name + (f"\n({first.statistic.unit})" if first.statistic.unit else ""), size=SMALL)
    ax.set(xlim=(0.5, len(compared) + 0.5), xticks=range(1, len(compared) + 1, 1 + len(compared) // 9))
    ax.set_xlabel("setting; shaded: accepted")
    if not first.low:
        ax.set_ylim(bottom=0)
