"""The page of runs: what it holds, in a browser where there is one, and what it does with damage and hostile text."""

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

from gan_paper import run
from gan_paper.distributions import Gaussian
from gan_paper.metrics.histograms import Recording
from gan_paper.run import files

import numpy as np
import pytest
import report
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
in_a_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
EDGES = np.linspace(-6, 14, 65)


def make_run(folder, k=1, iterations=200, finished=True, view="x", **metrics):
    """The files of a run whose generator converges to N(4, 1.25)."""
    rng, line = np.random.default_rng(k), np.linspace(0, 1, 200)
    recording = Recording({view: EDGES}, {view: lambda samples: samples}, samples=20_000)
    for iteration in range(0, iterations + 1, 50):
        curves = {"x": line, "d": line * iteration / iterations, "z": line, "g": 4 + line}
        recording.record(iteration, rng.normal(4 * iteration / iterations, 1.25, (20_000, 1)), curves)
    folder.mkdir(parents=True)
    settings = {"seed": 0, "iterations": iterations, "k": k, "beta_1": 0.5}
    config = {"experiment": "gaussian", "preset": "default", "layout": 4, "settings": settings}
    (folder / "config.json").write_text(json.dumps({**config, "versions": {"commit": "abc"}}))
    files.write_arrays(folder / "histograms.npz", recording.arrays())
    files.write_arrays(folder / "reference.npz", Recording.exact(Gaussian(4, 1.25), EDGES).arrays())
    rows = [f"{i},{i / iterations},0.7,-1.4,0.5,0.5" for i in range(50, iterations + 1, 50)]
    (folder / "history.csv").write_text("\n".join(["iteration,d_loss,g_loss,value,d_real,d_fake", *rows]) + "\n")
    identity = {"experiment": "gaussian", "preset": "default", "seed": 0, "iterations": iterations}
    if finished:
        (folder / "metrics.json").write_text(
            json.dumps({**identity, "wasserstein": k / 100, "seconds": 9.0, **metrics})
        )


def edit(folder, file, **changes):
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**content, **changes}))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A page of runs, whole, unfinished, damaged and hostile, below a folder called checkpoints; and what was said."""
    folder = tmp_path_factory.mktemp("report") / "checkpoints"
    runs = folder / "runs" / "gaussian"
    for k in (1, 5, 10):
        make_run(runs / f"k={k}-seed0", k)
    make_run(runs / "unfinished", finished=False)
    make_run(runs / "empty", finished=False)
    (runs / "empty" / "histograms.npz").unlink()
    make_run(runs / "hostile", view=HOSTILE)
    settings = {"seed": 10**400, "k": [HOSTILE], "\ud800": "\ud800\n"}
    edit(runs / "hostile", "config.json", preset=HOSTILE, settings=settings, versions={"commit": {"\udcff": HOSTILE}})
    for name in ("damaged", "no config", "list", "huge", "text"):
        shutil.copytree(runs / "k=1-seed0", runs / name)
    (runs / "damaged" / "histograms.npz").write_bytes((runs / "k=1-seed0" / "histograms.npz").read_bytes()[:-9])
    (runs / "no config" / "config.json").unlink()
    (runs / "list" / "config.json").write_text("[" * 100_000)
    edit(runs / "huge", "metrics.json", wasserstein=10**400)
    edit(runs / "text", "metrics.json", seconds="long")
    shutil.copytree(runs / "k=1-seed0", runs / os.fsdecode(b"odd\xff\nbytes"))
    command = [sys.executable, report.__file__, "runs"]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def page_data(folder):
    text = (folder / "runs" / "report.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    data = json.loads(data)
    return text, {row["run"].split("/")[1]: (row, player) for row, player in zip(*data.values(), strict=True)}


def unpacked(packed):
    """The inverse of `report.pack`."""
    raw = np.frombuffer(base64.b64decode(packed["data"]), f"<{'f' if packed['width'] == 4 else 'u'}{packed['width']}")
    return (packed["low"] + packed["scale"] * raw).reshape(packed["shape"])


def test_every_run_is_a_line_and_damage_stops_nothing(made):
    folder, said = made
    assert said.returncode == 0 and said.stderr == "", said.stderr
    text, runs = page_data(folder)
    odd = "odd\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}bytes"
    whole = {"k=1-seed0", "k=5-seed0", "k=10-seed0", "unfinished", "hostile", odd}
    damaged = {"damaged", "no config", "list", "huge", "text"}
    assert runs.keys() == whole | damaged | {"empty"}
    assert {name for name, (_, player) in runs.items() if player} == whole
    assert {name for name, (row, _) in runs.items() if row["state"].startswith("damaged: ")} == damaged
    assert all(f"gaussian/{name}: damaged: " in said.stdout for name in damaged)
    assert runs["empty"][0]["state"] == runs["unfinished"][0]["state"] == "unfinished"
    row = runs["k=5-seed0"][0]
    assert (row["metric"], row["accepted"], row["settings"]["k"]) == ("wasserstein 0.05", "yes", "5")
    assert "alert(2)" in text and "<script>alert" not in text and "<img src=x" not in text


def test_a_run_is_shown_as_it_was_recorded(made):
    player = page_data(made[0])[1]["k=1-seed0"][1]
    recording = run.read_recording(made[0] / "runs" / "gaussian" / "k=1-seed0")
    assert player["iterations"] == recording.iterations
    density = unpacked(player["views"][0]["density"])
    assert np.allclose(density[-1], recording.histogram().density, atol=density.max() / 60_000)
    assert np.allclose(unpacked(player["d"]), recording.curves["d"], atol=1e-4)
    assert unpacked(player["views"][0]["data"]).sum() * 20 / 64 == pytest.approx(1, abs=1e-3)
    assert unpacked(player["ideal"])[99:101].mean() == pytest.approx(4, abs=0.01)


def test_frames_are_bounded_and_keep_their_ends():
    recording, rng = Recording({"x": np.linspace(0, 1, 65)}, keep=25), np.random.default_rng(0)
    for iteration in range(100):
        recording.record(iteration, rng.uniform(size=(25, 784)))
    player = report.player(recording, None, {})
    assert len(json.dumps(player)) < 1.2 * report.FRAME_BYTES
    assert player["iterations"][0] == 0 and player["iterations"][-1] == 99 and len(player["iterations"]) > 8
    assert np.allclose(unpacked(player["images"])[-1], recording.samples[-1], atol=1 / 255)


def test_only_a_page_is_replaced(made, tmp_path):
    report.main(report.Arguments(made[0] / "runs"))  # over the page that is there
    (tmp_path / "mine.html").write_text("precious")
    with pytest.raises(run.Refused, match=r"mine\.html is no page"):
        report.main(report.Arguments(made[0] / "runs", tmp_path / "mine.html"))
    assert (tmp_path / "mine.html").read_text() == "precious"


@contextlib.contextmanager
def browser(folder, width=1280, dark=False):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        driver.get((folder / "runs" / "report.html").as_uri())
        yield driver
        assert driver.get_log("browser") == []  # no error, and nothing that the page's policy had to forbid
    finally:
        driver.quit()


def listed(driver):
    """The names of the runs that are listed, in order."""
    lines = driver.find_elements(By.CSS_SELECTOR, "tbody tr:not([hidden]) td.run button")
    return [line.text.split("/")[1] for line in lines]


def control(driver, name, tag):
    return driver.find_element(By.XPATH, f"//td[contains(., 'gaussian/{name}')]//{tag}")


def curves(driver):
    """How many curves each panel has, without those of its legend, by its heading."""
    script = """return [...document.querySelectorAll('.plot')].map(
        plot => [plot.previousSibling.textContent, plot.data.filter(trace => trace.x[0] !== null).length])"""
    return dict(driver.execute_script(script))


def p_g(driver):
    """The mean of the p_g that is drawn last."""
    script = "const {x, y} = document.querySelector('.plot').data.at(-1); return [x, y]"
    edges, density = (np.array(values) for values in driver.execute_script(script))
    return float(np.sum((edges[:-1] + edges[1:]) / 2 * density[:-1]) / density.sum())


@in_a_browser
def test_the_player(made):
    with browser(made[0]) as driver:
        control(driver, "k=1-", "button").click()
        iteration, play = (driver.find_element(By.ID, name) for name in ("iteration", "play"))
        wait = WebDriverWait(driver, 10)
        assert iteration.text == "iteration 200" and p_g(driver) == pytest.approx(4, abs=0.1)
        assert curves(driver)["the discriminator"] == 2 and curves(driver)["x = G(z)"] == 2
        assert driver.switch_to.active_element == play
        driver.find_element(By.ID, "frame").send_keys(Keys.HOME)
        wait.until(lambda _: iteration.text == "iteration 0")
        assert p_g(driver) == pytest.approx(0, abs=0.1)
        play.click()  # to the end, where it stops
        wait.until(lambda _: iteration.text == "iteration 200" and play.text == "Play")
        # Two runs at once: p_data once, D* not at all.
        control(driver, "k=5-", "input").click()
        assert curves(driver)["the generator's distribution"] == 3 and curves(driver)["the discriminator"] == 2
        assert curves(driver)["objectives, minimised (nats)"] == 4
        control(driver, "hostile", "button").click()
        assert "alert(1)" in driver.find_element(By.ID, "panels").text
        assert not driver.find_elements(By.CSS_SELECTOR, "td script, td img, section script, section img")
        requests = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        urls = {r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"}
        assert [url for url in urls if not url.startswith("data:")] == [driver.current_url]


@in_a_browser
def test_the_table_is_sorted_and_filtered(made):
    with browser(made[0]) as driver:
        search, metric = driver.find_element(By.ID, "search"), driver.find_element(By.CSS_SELECTOR, "th.metric button")
        search.send_keys("seed=0 K=1")
        assert "k=1-seed0" in listed(driver) and not {"k=5-seed0", "k=10-seed0"} & set(listed(driver))
        search.clear()
        search.send_keys("k= seed0")
        metric.click()
        assert listed(driver) == ["k=1-seed0", "k=5-seed0", "k=10-seed0"]
        metric.click()
        assert listed(driver) == ["k=10-seed0", "k=5-seed0", "k=1-seed0"]
        Select(driver.find_element(By.ID, "experiments")).select_by_value("gaussian")
        assert len(listed(driver)) == 3


@in_a_browser
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_nothing_is_cut_off(made, width, dark):
    with browser(made[0], width, dark) as driver:
        control(driver, "k=1-", "button").click()
        script = """const table = document.querySelector('.table'), page = document.documentElement;
            const inside = cell => cell.getBoundingClientRect().right <= innerWidth && cell.scrollWidth <= cell.clientWidth;
            return [page.scrollWidth - page.clientWidth, table.scrollWidth - table.clientWidth,
                [...document.querySelectorAll('.accepted, td.run')].every(inside)]"""
        assert driver.execute_script(script) == [0, 0, True]
        colour = driver.execute_script("return getComputedStyle(document.querySelector('.plot .xtick text')).fill")
        assert (int(re.findall(r"\d+", colour)[0]) > 200) == dark
