"""experiments/tour.ipynb, executed as a reader would; experiments/lessons in this process, with fewer iterations."""

import functools
import re

from gan_paper import GAN
from tests.conftest import EXPERIMENTS, ROOT

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

LESSONS = sorted((EXPERIMENTS / "lessons").glob("*.ipynb"))
FEWER = {"EPOCHS": 3, "STEPS": 20, "SEEDS": (0,), "COUNT": 100}


def outputs(notebook):
    """What its cells print, and how many figures they show."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.text for output in found if output.output_type == "stream")
    return said, sum("image/png" in output.get("data", {}) for output in found)


def test_the_tour(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a script that ran in this process has set it
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    committed, executed = (nbformat.read(EXPERIMENTS / "tour.ipynb", 4) for _ in range(2))
    NotebookClient(executed, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    for said, figures in map(outputs, (committed, executed)):
        assert float(re.search(r"near a mode: ([\d.]+)%", said)[1]) > 90
        shares = re.search(r"each mode .*: (.*)", said)[1].split(", ")
        assert len(shares) == 8 and all(8 < float(share.rstrip("%")) < 18 for share in shares)
        assert "same samples: True" in said and "D's weights moved by at most 0.0000" in said
        assert float(re.search(r"G's weights moved by at most ([\d.]+)", said)[1]) > 0
        assert "def discriminator_step" in said and figures == 2
    shown = {re.sub(r"-?[\d.]+(e[-+]\d+)?", "#", outputs(notebook)[0]) for notebook in (committed, executed)}
    assert len(shown) == 1  # except for numbers: the committed notebook prints the present code


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
    assert len(shown) == outputs(notebook)[1] >= 2 and path.stat().st_size < 300_000
    assert "<details>" in notebook.cells[-1].source


def fewer(constant):
    return f"{constant[1]} = {FEWER[constant[1]]}" if constant[1] in FEWER else constant[0]
