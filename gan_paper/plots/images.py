"""Grids of images, a pixel of an image a pixel of the grid, and animations."""

import io
from collections.abc import Sequence

from gan_paper.plots import Pixels

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Images = NDArray[np.floating]

_GAP = 1  # white line between images, in their pixels
_DOTS = 2  # of a frame, a pixel of an image
_CAPTION = 20  # dots above a frame's grid


def image_grid(images: Images) -> Images:
    """One image (height, width, channels) of a grid of images, with white lines between them.

    Args:
        images: (rows, columns, side, side, channels) of 1 channel or of 3, from 0, black, to 1; what is beyond is cut
            off.
    """
    rows, columns, height, width, channels = images.shape
    tiles = np.ones((rows, height + _GAP, columns, width + _GAP, channels))
    tiles[:, :height, :, :width] = np.clip(images, 0, 1).swapaxes(1, 2)
    return tiles.reshape(rows * (height + _GAP), -1, channels)[:-_GAP, :-_GAP]


def image_frame(images: Images, caption: str) -> Pixels:
    """A frame (height, width, 3) of an animation: `image_grid`, enlarged, under a caption."""
    grid = np.rint(255 * image_grid(images)).astype(np.uint8)
    dots = grid.repeat(_DOTS, 0).repeat(_DOTS, 1)
    frame = Image.new("RGB", (dots.shape[1], _CAPTION + dots.shape[0]), "white")
    frame.paste(Image.fromarray(dots.squeeze(-1) if dots.shape[-1] == 1 else dots), (0, _CAPTION))
    ImageDraw.Draw(frame).text((3, _CAPTION / 2), caption, "black", anchor="lm", font_size=12)
    return np.asarray(frame)


def as_gif(frames: Sequence[Pixels], comment: str = "") -> bytes:
    """A GIF file of frames (height, width, 3), 12 a second; the last one stays for two seconds."""
    # One palette, the last frame's: to find each frame its own takes thirty times as long.
    palette = Image.fromarray(frames[-1]).quantize(64)
    first, *others = [Image.fromarray(f).quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    durations, file = [1000 // 12] * len(others) + [2000], io.BytesIO()  # milliseconds
    first.save(file, "GIF", save_all=True, append_images=others, duration=durations, loop=0, comment=comment)
    return file.getvalue()
