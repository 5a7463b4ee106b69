"""A run's folder: whose it is, what may be deleted in it, and what is read from it."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import filelock

from gan_paper.runs import files, provenance
from gan_paper.runs.checkpoints import Checkpoints
from gan_paper.runs.settings import Settings

CONFIG, LOCK, WRITTEN = "config.json", ".lock", ".written"
"""`.written` lists the files that runs have written into the folder, a name a line."""


class Refused(Exception):
    """What a person asked for cannot be done; its one line names the thing, the value and what is accepted."""


def claim(folder: Path, names: Iterable[str]) -> None:
    """Note down that what is written into a run's folder under these names is a run's, before it is written."""
    new = [name for name in names if name not in _claimed(folder)]
    if new:
        with (folder / WRITTEN).open("a") as file:
            file.writelines(f"{name}\n" for name in new)


def foreign(folder: Path) -> list[str]:
    """What a folder holds that no run of this version wrote there: the names of files, and of empty folders."""
    claimed = _claimed(folder)
    found = []
    for path in sorted(folder.iterdir()):
        name, is_folder = path.name, path.is_dir() and not path.is_symlink()
        if name == "checkpoints" and is_folder and claimed:
            found += Checkpoints(path).foreign()
        elif is_folder:
            found += [p for p in sorted(path.rglob("*")) if p.is_symlink() or not p.is_dir()] or [path]
        elif not (name in (LOCK, WRITTEN) or files.is_partial(path) or name in claimed):
            found.append(path)
    return [str(path.relative_to(folder)) for path in found]


def _claimed(folder: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return [name for name in files.read_text(folder / WRITTEN).splitlines() if name == Path(name).name]
    return []


class Folder:
    """A run's folder, made if it does not exist, and this process's alone until it is closed.

    `config` is what its `config.json` holds now. Of a run that is there the settings `resume` and `overwrite` choose
    what becomes.

    Raises:
        Refused: if the folder cannot be written, is in use, or holds something else: a run that is neither to be
            resumed nor to be overwritten, one of other settings that is to be resumed, or files that no run wrote.
    """

    def __init__(self, path: Path, experiment: str, settings: Settings) -> None:
        self.path = path
        self._experiment, self._settings = experiment, settings
        self._lock = filelock.FileLock(path / LOCK, timeout=0)
        try:
            self._open()
        except OSError as error:
            raise Refused(f"--output {path} cannot be a run's folder: {error.strerror or error}") from None

    def close(self) -> None:
        """Leave the folder to others."""
        self._lock.release()

    def discard(self) -> None:
        """Remove what was written here, and the folders that were made, as far as they hold nothing else."""
        self._clear()
        for name in (WRITTEN, LOCK):
            (self.path / name).unlink(missing_ok=True)
        for folder in self._made:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()

    def _open(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise Refused(f"--output {self.path} is a file; a folder is needed")
        if self.path.exists() and CONFIG not in _claimed(self.path):
            self._refuse_foreign()
        self._made = [path for path in (self.path, *self.path.parents) if not path.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise Refused(f"--output {self.path} is in use by another process; one run needs one folder") from None
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def _take(self) -> None:
        is_run = CONFIG in _claimed(self.path) and (self.path / CONFIG).exists()
        self.resumed = is_run and self._settings.resume
        self.config = provenance.config(self._experiment, self._settings)
        if self.resumed:
            self.config = self._grown(read_config(self.path))
        elif is_run and not self._settings.overwrite:
            finished = (self.path / files.SEAL).exists()
            raise Refused(
                f"--output {self.path} holds {'a finished' if finished else 'an unfinished'} run; "
                f"add {'' if finished else '--resume to go on with it, or '}--overwrite to replace it"
            )
        else:
            self._refuse_foreign()
            self._clear()
        (self.path / files.SEAL).unlink(missing_ok=True)  # what follows changes what it seals
        for path in self.path.iterdir():
            if files.is_partial(path):
                path.unlink()
        Checkpoints(self.path / "checkpoints").clean()
        claim(self.path, [CONFIG, files.SEAL])
        files.write_text(self.path / CONFIG, json.dumps(self.config, indent=2) + "\n")

    def _refuse_foreign(self) -> None:
        found = foreign(self.path)
        if found:
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise Refused(
                f"--output {self.path} holds files that no run of this version wrote ({', '.join(found[:5])}{more}); "
                "nothing of that is deleted: a new, an empty or a run's folder is needed"
            )

    def _clear(self) -> None:
        for name in _claimed(self.path):
            (self.path / name).unlink(missing_ok=True)
        Checkpoints(self.path / "checkpoints").remove()
        (self.path / WRITTEN).unlink(missing_ok=True)

    def _grown(self, before: dict[str, Any]) -> dict[str, Any]:
        # The configuration of the run that is resumed, with as many iterations as are asked for now.
        path, now = self.path / CONFIG, self.config
        for name, article in (("experiment", ""), ("layout", "layout ")):
            if before[name] != now[name]:
                raise Refused(f"--resume of a run of {article}{now[name]}, but {path} is of {article}{before[name]}")
        was, settings = before["settings"], now["settings"]
        for name in {**was, **settings}:
            flag, old, new = "--" + name.replace("_", "-"), was.get(name, "absent"), settings.get(name, "absent")
            if name == "iterations" and not (isinstance(old, int) and old <= new):
                raise Refused(f"--resume goes on: {flag} must be at least the run's {old}, not {new}")
            if name != "iterations" and old != new:
                raise Refused(f"--resume must keep the run's settings: {flag} was {old}, not {new} ({path})")
        if was["iterations"] < settings["iterations"]:
            print(
                f"the run is grown from {was['iterations']} to {settings['iterations']} iterations: what falls or "
                "averages over a run's length does so over the new one from here on"
            )
        if before["versions"] == now["versions"]:
            return {**before, "settings": settings}
        changed = [name for name, version in now["versions"].items() if before["versions"].get(name) != version]
        print(f"resumed with another {', '.join(changed)}: the last bits may differ from those of a run never stopped")
        return {**before, "settings": settings, "resumed_with": now["versions"]}


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a run.

    Raises:
        Refused: if it cannot be read or is none, in one line that names it.
    """
    path = folder / CONFIG
    try:
        config = json.loads(files.read_text(path))
    except (OSError, ValueError, RecursionError):
        raise Refused(f"{path} cannot be read as a run's") from None
    for name, kind in {"experiment": str, "layout": int, "settings": dict, "versions": dict}.items():
        if not isinstance(config, dict) or not isinstance(config.get(name), kind):
            raise Refused(f"{path} holds no {name}: it is no run's, or that of another version of this project")
    return config


def read_metrics(folder: Path) -> dict[str, Any]:
    """The `metrics.json` of a finished run.

    Raises:
        Refused: if it is not finished, damaged, or not one of this project's, in one line that names it.
    """
    try:
        files.check_seal(folder, ["metrics.json"])
        return json.loads(files.read_text(folder / "metrics.json"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(f"{folder} holds no readable metrics.json of a finished run: {error}") from None
