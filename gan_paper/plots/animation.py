"""Moving pictures of a recording."""

from collections.abc import Callable
from typing import Any

from gan_paper.metrics.histograms import Recording

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SCREEN = 120  # dots per inch of an animation


def animate(
    figure: Figure, moving: list[Any], recording: Recording, show: Callable[[int], None], frames: int
) -> list[Pixels]:
    """Pictures (height, width, 3) of recorded iterations, evenly spread.

    Args:
        figure: Drawn once, and closed at the end. It needs Matplotlib's Agg backend.
        moving: The artists that change.
        recording: Of a run.
        show: Brings the artists to a record, given its index.
        frames: How many pictures, at most.
    """
    # Axes and labels are drawn once, and what moves on top of them: twenty times as fast as whole figures.
    caption = figure.suptitle("iteration", x=0.02, ha="left")  # drawn as a title, it has room of its own
    for artist in (*moving, caption):
        artist.set_animated(True)
    canvas: Any = figure.canvas
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    pictures = []
    for index in np.unique(np.linspace(0, len(recording.iterations) - 1, frames).round().astype(int)):
        canvas.restore_region(still)
        show(index)
        caption.set_text(f"iteration {recording.iterations[index]:,}")
        for artist in (*moving, caption):
            (artist.axes or figure).draw_artist(artist)
        pictures.append(np.array(canvas.buffer_rgba())[..., :3])
    plt.close(figure)
    return pictures
