"""What every experiment on the real line shows and writes at its end."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_paper import runs
from gan_paper.distributions import Distribution
from gan_paper.measure.histogram import Floats
from gan_paper.measure.recording import Recording
from gan_paper.measure.samples import match
from gan_paper.plots.histograms import Shown, histograms, histograms_animation
from gan_paper.plots.training import course


def one_dimensional(
    run: runs.Run,
    recording: Recording,
    samples: Floats,
    game: dict[str, Any],
    pace: runs.Pace,
    p_data: Distribution,
    shown: Shown,
    generator_loss: str,
    verdict: str,
) -> None:
    """Write the metrics and print the table; then draw the histograms, their animation and the course of training.

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

    def draw() -> None:
        run.save_figure("histograms.png", histograms(recording, shown, columns(recording.iterations)))
        run.save_figure("training.png", course(run.columns(), generator_loss))
        run.save_animation("histograms.gif", histograms_animation(recording, shown))

    results = {"match": match(samples, p_data, recording.edges[recording.main]), **game}
    run.finish(results, pace, verdict, draw=draw)


def columns(iterations: Sequence[int]) -> list[int]:
    """Of recorded iterations, five that show p_g move: the first, then evenly spaced in log up to the last.

    Args:
        iterations: Rising, the first of them 0.
    """
    first, *later = iterations
    if not later:
        return [first]
    return [first, *(round(i) for i in np.geomspace(later[0], later[-1], 4))]
