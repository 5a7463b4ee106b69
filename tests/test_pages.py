"""README.md and the pages of docs/: their links, figures, code and words."""

import ast
import contextlib
import functools
import io
import re

from gan_paper import GAN
from tests.conftest import ROOT

import keras
import numpy as np
import pytest

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "experiments" / "README.md"]
GUIDE = [page for page in PAGES if page.parent.name == "guide" and "```python" in page.read_text(encoding="utf-8")]
RETIRED = re.compile(
    r"(?<!learning )(?<!learning-)\brates\b|\bgames?\b|\bpictures?\b|plain descent|by turns|noise of size|"
    r"averages? of (\S+ )?iterates|comes? to p_data|contender|what is left|\bjudged?\b|were aimed at|in the course of",
    re.IGNORECASE,
)
"""What these pages once said for: learning rate, model, figure, SGD, alternating, dimension, EMA, baseline, target."""


def text(path):
    return path.read_text(encoding="utf-8")


def python(page):
    return re.findall(r"```python\n(.*?)```", text(page), re.DOTALL)


@pytest.mark.parametrize("seed", range(3))
def test_the_readmes_samples_have_the_mean_and_the_spread_of_the_data(seed):
    (block,) = python(README)
    code = block.replace("default_rng(0)", f"default_rng({seed})").replace("epochs=20", f"epochs=20, seed={seed}")
    keras.utils.set_random_seed(seed)
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    x, samples = names["x"], names["samples"]
    assert samples.shape == (10_000, 1)
    assert abs(samples.mean() / x.mean() - 1) < 0.05 and abs(samples.std() / x.std() - 1) < 0.05


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_the_guides_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = {"epochs": 1, "initial_epoch": 0, "steps_per_epoch": 2, "verbose": 0}
    fit = GAN.fit
    monkeypatch.setattr(GAN, "fit", lambda gan, *args, **kwargs: fit(gan, *args, **{**kwargs, **short}))
    monkeypatch.setattr(GAN, "compile", functools.partialmethod(GAN.compile, jit_compile=False))
    names = {"__name__": page.stem}
    for block in python(page):
        exec(block, names)
    assert np.isfinite(names["gan"].sample(5)).all() if "gan" in names else "make_gan" in names


def test_links_and_figures_exist():
    for page in PAGES:
        targets = re.findall(r"\]\(([^)#\s]+)(?:#\S*)?\)", text(page))
        inside = [page.parent / target for target in targets if not re.match("https?:", target)]
        assert not [str(path) for path in inside if not path.exists()], page
        assert all(path.stat().st_size < 5e6 for path in inside), page


def test_troubleshooting_knows_the_messages_of_the_code():
    messages = re.findall(r"^\| `([^`]*)` \|", text(ROOT / "docs" / "guide" / "troubleshooting.md"), re.MULTILINE)
    code = "".join(text(path) for path in (ROOT / "gan_paper").rglob("*.py"))
    code = re.sub(r"\"\s+f?\"", "", code)  # a message over two lines
    assert len(messages) >= 10
    assert not [message for message in messages if max(message.split("..."), key=len).strip() not in code]


def docstrings():
    """The package's and the experiments', which are also their `--help`."""
    for path in [*(ROOT / "gan_paper").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")]:
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                yield f"{path}:{node.lineno}", str(node.value.value)


def test_pages_and_help_use_the_fields_words():
    said = [*((str(page), text(page)) for page in PAGES), *docstrings()]
    assert not {place: found[0] for place, words in said if (found := RETIRED.findall(" ".join(words.split())))}
