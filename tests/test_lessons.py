"""The notebooks of experiments/lessons, each in this process, with fewer iterations."""

import functools
import re

from gan_paper import GAN
from tests.conftest import EXPERIMENTS

import matplotlib.pyplot as plt
import nbformat
import pytest

LESSONS = sorted((EXPERIMENTS / "lessons").glob("*.ipynb"))
FEWER = {"EPOCHS": 3, "STEPS": 20, "SEEDS": (0,), "COUNT": 100}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_draws(path, monkeypatch):
    monkeypatch.setattr(GAN, "compile", functools.partialmethod(GAN.compile, jit_compile=False))
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    notebook, names, shown = nbformat.read(path, 4), {}, []
    for cell in notebook.cells:
        if cell.cell_type == "code" and "%pip" not in cell.source:
            exec(re.sub(r"^([A-Z]+) = (.*)$", fewer, cell.source, flags=re.MULTILINE), names)
    plt.close("all")
    committed = [o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(shown) == len(committed) >= 2 and path.stat().st_size < 300_000
    assert "<details>" in notebook.cells[-1].source


def fewer(constant):
    return f"{constant[1]} = {FEWER[constant[1]]}" if constant[1] in FEWER else constant[0]
