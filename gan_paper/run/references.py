"""Which reference a run is compared with, and what that says of it."""

from pathlib import Path

from gan_paper.metrics.comparison import compare
from gan_paper.metrics.histograms import Recording
from gan_paper.run.config import Refused
from gan_paper.run.folder import OWN, read_config, read_recording


def find_reference(folder: Path, references: Path) -> Path | None:
    """The reference of a run: its own, or else EXPERIMENT-PRESET.npz or EXPERIMENT.npz of a folder.

    Args:
        folder: Of the run.
        references: Of the references, `figures/reference`.

    Raises:
        Refused: if the run's `config.json` cannot be read.
    """
    config = read_config(folder)
    # From a file, only the last part of a name.
    names = [Path(name).name for name in (f"{config['experiment']}-{config['preset']}", config["experiment"])]
    paths = [folder / OWN, *(references / f"{name}.npz" for name in names)]
    return next((path for path in paths if path.is_file()), None)


def verdict(recording: Recording, path: Path | None) -> str:
    """What a reference says of a run, in a line.

    Returns:
        `accepted by NAME`; `not accepted by NAME: ` and what is wrong; `cannot be told: ` and why; or `no reference`.
    """
    if path is None:
        return "no reference"
    name = "the exact p_data" if path.name == OWN else path.stem
    try:
        faults = [row.fault for row in compare(recording, read_recording(path)) if not row.holds]
    except (Refused, ValueError) as error:
        return f"cannot be told: {error}"
    return f"not accepted by {name}: {'; '.join(faults)}" if faults else f"accepted by {name}"
