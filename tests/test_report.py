"""The page of runs: what it holds, in a browser where there is one, and what it does with damage and hostile text."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

from gan_paper import run
from gan_paper.distributions import Gaussian
from gan_paper.metrics import Recording
from gan_paper.run import files
from tests.conftest import finished

import numpy as np
import pytest
import report
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
in_a_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
DAMAGED = {"damaged", "no config", "huge"}
EDGES = np.linspace(-6, 14, 65)


def make_run(folder, k=1, view="x", **row):
    """The files of a run whose generator converges to N(4, 1.25)."""
    rng, line = np.random.default_rng(k), np.linspace(0, 1, 200)
    recording = Recording({view: EDGES}, {view: lambda samples: samples}, samples=20_000)
    for i in (0, 50, 100):
        curves = {"x": line, "d": line * i / 100, "z": line, "g": line}
        recording.record(i, rng.normal(i / 25, 1.25, (40_000, 1)), curves)
    finished(folder, recording, **{"settings": {"seed": 0, "k": k}, "wasserstein": k / 1000, "seconds": 9.0, **row})
    files.write_arrays(folder / "reference.npz", Recording.exact(Gaussian(4, 1.25), EDGES).arrays())
    (folder / "history.csv").write_text("iteration,d_loss,g_loss\n50,0.5,0.6\n100,1.4,0.7\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A page of runs, whole, unfinished, damaged and hostile, and the command that made it."""
    folder = tmp_path_factory.mktemp("report")
    runs = folder / "runs" / "gaussian"
    for k in (1, 5, 10):
        make_run(runs / f"k={k}-seed0", k)
    make_run(runs / "hostile", view=HOSTILE, preset=HOSTILE, settings={"seed": 10**400, "k": [HOSTILE], "\ud800": "\n"})
    make_run(runs / "huge", wasserstein=10**400)
    for name in ("damaged", "no config", "unfinished", os.fsdecode(b"odd\xff\nbytes")):
        shutil.copytree(runs / "k=1-seed0", runs / name)
    (runs / "unfinished" / "metrics.json").unlink()
    (runs / "no config" / "config.json").unlink()
    (runs / "damaged" / "histograms.npz").write_bytes((runs / "k=1-seed0" / "histograms.npz").read_bytes()[:-9])
    command = [sys.executable, report.__file__, "runs"]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def page_data(folder):
    text = (folder / "runs" / "report.html").read_text()
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    return text, {row["run"].split("/")[1]: row for row in data}


def test_every_run_is_a_line_and_damage_stops_nothing(made):
    folder, said = made
    assert (said.returncode, said.stderr) == (0, "")
    text, runs = page_data(folder)
    whole = {"k=1-seed0", "k=5-seed0", "k=10-seed0", "unfinished", "hostile", "odd?\nbytes"}
    assert runs.keys() == whole | DAMAGED
    assert {name for name, row in runs.items() if row["player"]} == whole
    assert {name for name, row in runs.items() if row["state"].startswith("damaged: ")} == DAMAGED
    assert all(f"gaussian/{name}: damaged: " in said.stdout for name in DAMAGED)
    row = runs["k=5-seed0"]
    assert (row["metric"], row["accepted"], row["settings"]["k"]) == ("wasserstein 0.005", "yes", "5")
    assert "alert(2)" in text and "<script>alert" not in text and "<img src=x" not in text


def test_a_run_is_shown_as_it_was_recorded(made):
    player = page_data(made[0])[1]["k=1-seed0"]["player"]
    recording = run.read_recording(made[0] / "runs" / "gaussian" / "k=1-seed0")
    assert np.allclose(player["views"][0]["density"][-1], recording.histogram().density, rtol=1e-3)
    assert np.mean(player["ideal"][99:101]) == pytest.approx(4, abs=0.01)


@contextlib.contextmanager
def browser(folder, width=1280):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        driver.get((folder / "runs" / "report.html").as_uri())
        yield driver
        assert driver.get_log("browser") == []  # no error, and nothing that the page's policy had to forbid
    finally:
        driver.quit()


def control(driver, name, tag):
    return driver.find_element(By.XPATH, f"//td[contains(., 'gaussian/{name}')]//{tag}")


def panel(driver, index, values="x"):
    """The values of each curve of a panel, without those of its legend."""
    script = f"return document.querySelectorAll('.plot')[{index}].data.map(trace => trace.{values})"
    return [curve for curve in driver.execute_script(script) if curve != [None]]


@in_a_browser
def test_in_a_browser(made):
    with browser(made[0]) as driver:
        search, slider, play = (driver.find_element(By.ID, name) for name in ("search", "frame", "play"))
        control(driver, "k=1-", "button").click()
        last, wait = panel(driver, 0, "y"), WebDriverWait(driver, 10)
        assert [len(panel(driver, i)) for i in range(4)] == [2] * 4  # p_g and p_data, D and D*, G and the map, D and G
        slider.send_keys(Keys.HOME)
        wait.until(lambda _: slider.get_attribute("aria-valuetext") == "iteration 0")
        assert panel(driver, 0, "y") != last
        play.click()  # to the end, where it stops
        wait.until(lambda _: slider.get_attribute("aria-valuetext") == "iteration 100" and play.text == "Play")
        assert panel(driver, 0, "y") == last
        control(driver, "k=5-", "input").click()  # two at once: p_data is drawn once, D* not at all
        assert [len(panel(driver, i)) for i in range(4)] == [3, 2, 2, 4]
        driver.find_element(By.CSS_SELECTOR, "th.metric button").click()
        names = " ".join(line.text for line in driver.find_elements(By.CSS_SELECTOR, "td.run button"))
        assert re.findall(r"k=(\d+)-seed0", names) == ["1", "5", "10"]
        control(driver, "hostile", "button").click()
        assert "alert(1)" in driver.find_element(By.ID, "panels").text
        assert not driver.find_elements(By.CSS_SELECTOR, "td script, td img, section script, section img")
        search.send_keys("seed=0 K=1")
        assert [control(driver, f"k={k}-", "button").is_displayed() for k in (1, 5, 10)] == [True, False, False]


@in_a_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off(made, width):
    with browser(made[0], width) as driver:
        control(driver, "k=1-", "button").click()
        script = """return [...document.querySelectorAll('html, .table, .accepted, td.run')].filter(
            box => box.scrollWidth > box.clientWidth).map(box => box.outerHTML.slice(0, 80))"""
        assert driver.execute_script(script) == []
