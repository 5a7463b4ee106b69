"""Bad command lines and bad files: exit status 2, what is wrong by its name, no traceback, no folder left behind.

All of them, and each script's --help, run in one process in which TensorFlow and Keras cannot be imported.
"""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

from gan_paper import runs
from tests.conftest import ROOT, experiment

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TRAINING = ("gaussian", "uniform_to_gaussian", "sine", "mnist", "figure1")
EXPERIMENTS = (*TRAINING, "numpy_gan", "theory")

CASES = [
    # in every experiment
    *((name, "--iterations 0", "--iterations must be a whole number from 1 to 1e+09, not 0") for name in EXPERIMENTS),
    *((name, "--preset nothing", "'nothing' for argument '--preset'") for name in EXPERIMENTS),
    # and elsewhere
    ("gaussian", "--seed -1", "--seed must be a whole number from 0 to 1e+09, not -1"),
    ("numpy_gan", "--output file", "--output file is a file"),
    ("gaussian", "--resume --overwrite", "--overwrite must be left out with --resume"),
    ("gaussian", "--k 0", "--k must be a whole number from 1 to 100, not 0"),
    ("gaussian", "--d-rate nan", "--d-rate must be a number from 1e-09"),
    ("gaussian", "--noise loud", "'loud' for argument '--noise'"),
    ("gaussian", "--speed 3", "--speed"),
    ("gaussian", "stray", "stray"),
    ("gaussian", "--output folder", "--output folder holds files that no run of this version wrote (notes.txt)"),
    ("gaussian", "--output folder --overwrite", "--output folder holds files that no run of this version wrote"),
    ("gaussian", "--output file/below", "file/below"),
    ("gaussian", "--output run", "--output run holds an unfinished run"),
    ("gaussian", "--output run --resume --k 3", "--k was 4, not 3"),
    ("gaussian", "--output run --resume --iterations 5", "--iterations must be at least the run's 8000, not 5"),
    ("sine", "--output run --resume", "of sine, but run/config.json is of gaussian"),
    ("gaussian", "--output old --resume", "old/config.json holds no layout"),
    ("gaussian", "--output garbled --resume", "garbled/config.json cannot be read"),
    ("numpy_gan", "--output damaged --resume", "damaged/checkpoints/20/SHA256SUMS does not exist"),
    ("uniform_to_gaussian", "--output-slope 2", "--output-slope must be a number from 0 to 1, not 2"),
    ("sine", "--dropout 1", "--dropout must be a number from 0 to 0.999, not 1"),
    ("mnist", "--data nowhere", "nowhere"),
    ("mnist", "--data file", "file"),
    ("mnist", "--data bomb.npz", "bomb.npz"),
    ("mnist", "--evaluate-every 0", "--evaluate-every must be a whole number from 1"),
    ("theory", "--samples 1", "--samples must be a whole number from 2"),
    ("vectors_study", "--widths 50 0", "--widths must be at least one number of at least 1, not (50, 0)"),
    ("compare", "", "RUN"),
    ("compare", "nothing", "nothing is neither a run's folder nor a .npy file"),
    ("compare", "run", "run/histograms.npz does not exist"),
    ("compare", "nan.npy", "nan.npy holds values that are not finite"),
    ("compare", "pickle.npy", "pickle.npy is not a readable .npy file"),
    ("compare", "good.npy --reference nobody", "--reference nobody is neither a file nor one of"),
    ("compare", "good.npy --reference bomb.npz", "bomb.npz is not a readable .npz file"),
    ("compare", "good.npy --reference sine", "samples must be points (x, y) here, not of 1 number(s)"),
    ("compare", "good.npy", "samples must hold at least 6,900 values to be judged, not 100"),
    ("compare", "plane.npy", "plane.npy holds samples of 2 numbers, so --reference must name one"),
    ("compare", "good.npy --reference plane.npy", "same number of coordinates, not the shapes (100, 1) and (99, 2)"),
    ("compare", "plane.npy --reference plane.npy", "samples must be at least 100 of each to be judged, not 99 and 99"),
    ("compare", "good.npy --reference nobody.npy", "nobody.npy does not exist"),
    ("compare", "run --reference good.npy", "run keeps histograms, not samples"),
    ("seeds", "", "RUN..."),
    ("seeds", "run", "run holds no readable metrics.json of a finished run"),
    ("table1", "--runs nothing", "--runs nothing holds no finished run"),
    ("tables", "--collect nothing", "--collect nothing holds no finished run"),
    ("mnist", "--clip-means 0", "--clip-means must be a number from 1e-12 to 0.5, not 0"),
    ("mnist_measures", "", "RUN..."),
    ("mnist_measures", "nothing", "nothing holds no readable metrics.json of a finished run"),
    ("mnist_measures", "good.npy", "good.npy must hold at least 10000 images of 784 pixels in [0, 1], not (100, 1)"),
    ("mnist_measures", "good.npy --samples 99", "--samples must be a whole number from 100 to 10000, not 99"),
    ("mnist_measures", "good.npy folder/good.npy", "RUN... must have different names, not good twice"),
    ("mnist_measures", "good.npy --output file", "--output file is a file"),
    ("mnist_measures", "good.npy --classifier folder", "--classifier folder is no file"),
    ("mnist_measures", "images.npy --samples 100 --data nowhere", "nowhere does not exist"),
    ("mnist_measures", "images.npy --samples 100 --data bomb.npz", "bomb.npz"),
    ("sweep", "", "--seeds"),
    ("sweep", "nothing --seeds 0", "nothing"),
    ("sweep", "gaussian --seeds 5-3", "--seeds 5-3 holds no seed"),
    ("sweep", "gaussian --seeds 0 --set speed=3", "--set speed=3 names no setting that gaussian takes"),
    ("sweep", "gaussian --seeds 0 --set k=0", "--k must be a whole number from 1 to 100, not 0"),
    ("report", "", "RUNS"),
    ("report", "nothing", "RUNS nothing holds no run's folder"),
    ("report", "run --output file", "--output file is no page that this script wrote"),
    ("make_figures", "figure9", "NAME figure9 is no figure"),
    ("make_figures", "figure1 --output file", "--output file"),
    ("speed/benchmark", "--rounds 0", "--rounds"),
    ("speed/benchmark", "--contenders theano", "theano"),
    ("speed/benchmark", "--json none/b.json", "--json"),
    ("speed/benchmark", "--picture b.jpg", "--picture"),
    ("speed/costs", "--rounds 0", "--rounds"),
    ("speed/commands", "--json none/here.json", "--json"),
]


FILES = [path for path in (ROOT / "experiments").glob("*.py") if "__main__" in path.read_text()]
SCRIPTS = [*sorted(path.stem for path in FILES), "speed/benchmark", "speed/commands", "speed/costs"]
HELP = [(name, "--help", "usage") for name in SCRIPTS]


def prepare(folder):
    """Files and folders that are bad input, or good enough for it."""
    np.save(folder / "good.npy", np.random.default_rng(0).normal(4, 1.25, 100))
    np.save(folder / "plane.npy", np.random.default_rng(0).normal(4, 1.25, (99, 2)))
    np.save(folder / "images.npy", np.random.default_rng(0).random((100, 784)))
    np.save(folder / "nan.npy", np.array([1.0, np.nan]))
    np.save(folder / "pickle.npy", np.array([{}, {}], dtype=object))
    (folder / "file").write_text("precious")
    (folder / "folder").mkdir()
    (folder / "folder" / "notes.txt").write_text("precious")
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + bytes(1 << 20))
        archive.writestr("edges.npy", bytes(1 << 20))
    gaussian = experiment("gaussian")
    for name in ("run", "old", "garbled"):
        runs.Run("gaussian", gaussian.Settings(output=folder / name)).close()
    config = json.loads((folder / "old" / "config.json").read_text())
    del config["layout"]
    (folder / "old" / "config.json").write_text(json.dumps(config))
    (folder / "garbled" / "config.json").write_text("{")
    runs.Run("numpy_gan", experiment("numpy_gan").Settings(output=folder / "damaged")).close()
    (folder / "damaged" / "checkpoints" / "20").mkdir(parents=True)


def tree(folder):
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def run_all(cases):
    """Run scripts in this process, in which TensorFlow cannot be imported; each one's exit status and what it said."""
    sys.modules["tensorflow"] = sys.modules["keras"] = None
    sys.path[:0] = [str(ROOT / "experiments"), str(ROOT / "experiments" / "speed")]
    results = []
    for name, flags, _ in cases:
        before = tree(Path())
        sys.argv = [f"{name}.py", *flags.split()]
        out, errors, status = io.StringIO(), io.StringIO(), 0
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
                runpy.run_path(str(ROOT / "experiments" / f"{name}.py"), run_name="__main__")
        except SystemExit as stop:
            status = stop.code
        except BaseException as error:
            status = repr(error)
        results.append((status, out.getvalue(), errors.getvalue(), tree(Path()) == before))
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What each case gave."""
    folder = tmp_path_factory.mktemp("bad")
    prepare(folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "400"}  # of tyro's box
    done = subprocess.run(
        [sys.executable, __file__], cwd=folder, input=json.dumps(CASES + HELP), env=environment,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES + HELP, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("case", CASES, ids=[f"{name} {flags}" for name, flags, _ in CASES])
def test_bad_input_is_named_and_gives_exit_status_2(results, case):
    status, out, errors, unchanged = results[case]
    assert status == 2 and case[2] in errors and "Traceback" not in errors, (status, errors)
    assert "--help" in errors or (errors.count("\n") == 1 and errors.startswith(f"{Path(case[0]).name}.py: ")), errors
    assert not out and unchanged


@pytest.mark.parametrize("case", HELP, ids=SCRIPTS)
def test_help_answers_without_tensorflow(results, case):
    status, out, errors, unchanged = results[case]
    assert status == 0 and case[2] in out and not errors and unchanged


def test_every_script_is_tried():
    assert {name for name, _, _ in CASES} >= set(SCRIPTS)


VALUES = st.one_of(
    st.integers(), st.floats(), st.sampled_from(["", "none", "True", "-", "--", "1e400", "0x10", "½", "1_0", "\\", "é"])
)


@pytest.mark.parametrize("name", EXPERIMENTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_of_any_setting_is_accepted_in_its_range_or_refused_by_name(name, data):
    module = MODULES[name]
    limits = runs.limits(module.Settings)
    field = data.draw(st.sampled_from(list(limits)))
    preset, value = data.draw(st.sampled_from(list(module.PRESETS))), data.draw(VALUES)
    flag = "--" + field.replace("_", "-")
    (least, most), errors = limits[field], io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            parsed = runs.parse(module.PRESETS, ["--preset", preset, f"{flag}={value}"])
    except SystemExit as stop:
        assert stop.code == 2 and flag in errors.getvalue(), errors.getvalue()
        if isinstance(value, int):
            assert not least <= value <= most
    else:
        assert least <= getattr(parsed, field) <= most and getattr(parsed, field) == type(least + 0.0)(value)


if __name__ == "__main__":
    print(json.dumps(run_all(json.load(sys.stdin))))
else:
    MODULES = {name: experiment(name) for name in EXPERIMENTS}
