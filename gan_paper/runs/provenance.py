"""What made a run: its settings, the versions of the packages, and the code."""

import hashlib
import importlib.metadata
import inspect
import json
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from gan_paper.runs.settings import Settings

LAYOUT = 3
"""The number of the form in which a run's files are written, and its minibatches drawn: no other is resumed."""

_PACKAGE = Path(__file__).parent.parent


def config(experiment: str, settings: Settings) -> dict[str, Any]:
    """The content of a run's `config.json`, as plain JSON values.

    Its `versions` name the packages; `commit`, the code's commit, with `-dirty` after it if the tree was changed; and
    `code`, a digest of the package's and the experiment's source.
    """
    packages = ("gan-paper", "keras", "tensorflow", "numpy", "scipy")
    content = {
        "experiment": experiment,
        "layout": LAYOUT,
        "settings": settings.recorded(),
        "versions": {
            "python": platform.python_version(),
            **{package: _version(package) for package in packages},
            "commit": commit(Path(inspect.getfile(type(settings))).parent),
            "code": digest(type(settings)),
        },
    }
    return json.loads(json.dumps(content, default=str))


@cache
def commit(folder: Path) -> str | None:
    """The commit of the code in a folder, as `git describe` gives it; None where it is in no repository."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def digest(settings: type[Settings]) -> str:
    """A digest of the code that a run is made by: this package, the script that declares its settings, and networks.

    Networks that scripts share, or that take much room, have files of their own beside the scripts: NAME_networks.py.
    """
    script = Path(inspect.getfile(settings))
    sources = [*sorted(_PACKAGE.rglob("*.py")), script, *sorted(script.parent.glob("*_networks.py"))]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
