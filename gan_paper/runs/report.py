"""What every experiment on the real line shows and writes at its end."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from gan_paper import figures, runs
from gan_paper.histograms import Floats, KnownDistribution, Recording, match

Shown = Mapping[str, tuple[KnownDistribution, str]]
"""By the name of a recording's view, the data's exact distribution in it and the label of its axis."""


def histograms(recording: Recording, shown: Shown, iterations: Sequence[int] | None = None) -> Figure:
    """The recorded histograms over the data, at chosen iterations or the last one."""
    exact = {view: distribution for view, (distribution, _) in shown.items()}
    labels = {view: label for view, (_, label) in shown.items()}
    return figures.histograms(recording, exact, labels, iterations or recording.iterations[-1:])


def one_dimensional(
    run: runs.Run,
    recording: Recording,
    samples: Floats,
    game: dict[str, Any],
    pace: runs.Pace,
    p_data: KnownDistribution,
    shown: Shown,
    generator_loss: str,
    verdict: str,
) -> None:
    """Draw the histograms, their animation and the course of training; write the metrics; print the table.

    Args:
        run: The run, whose folder takes them.
        recording: Of the run.
        samples: Of the trained generator, (N, n).
        game: `value` and `discriminator`, measured on fresh draws.
        pace: Of training.
        p_data: The distribution of the entries of an example.
        shown: The views of the recording.
        generator_loss: The generator's objective.
        verdict: Of the run's reference.
    """
    exact = {view: distribution for view, (distribution, _) in shown.items()}
    labels = {view: label for view, (_, label) in shown.items()}
    last = recording.iterations[-1]
    columns = [0, last // 100, last // 10, last // 3, last]
    run.save_figure("histograms.png", histograms(recording, shown, columns))
    run.save_figure("training.png", figures.training(run.columns(), generator_loss))
    run.save_animation("histograms.gif", figures.histograms_animation(recording, exact, labels))
    run.finish({"match": match(samples, p_data, recording.edges[recording.main]), **game}, pace, verdict)
