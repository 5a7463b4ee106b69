"""experiments/tour.ipynb, executed as a reader would."""

import re

from tests.conftest import ROOT

import nbformat
from nbclient import NotebookClient

TOUR = ROOT / "experiments" / "tour.ipynb"


def said(notebook):
    """What its cells print."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_the_tour(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a script that ran in this process has set it
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    committed, executed = nbformat.read(TOUR, 4), nbformat.read(TOUR, 4)
    NotebookClient(executed, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    for notebook in (committed, executed):
        text = said(notebook)
        assert float(re.search(r"near a mode: ([\d.]+)%", text)[1]) > 90
        shares = re.search(r"each mode .*: (.*)", text)[1].split(", ")
        assert len(shares) == 8 and all(8 < float(share.rstrip("%")) < 18 for share in shares)
        assert "same samples: True" in text
        assert "D's weights moved by at most 0.0000" in text
        assert float(re.search(r"G's weights moved by at most ([\d.]+)", text)[1]) > 0
        assert "def discriminator_step" in text
        pictures = [o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        assert len(pictures) == 2
