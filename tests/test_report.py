"""The page of runs: what it holds, in a browser where there is one, and what it does with damage and hostile text."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from gan_paper.measure.recording import Recording
from gan_paper.runs import Refused, files, recordings
from tests.conftest import ROOT, experiment, trained

import numpy as np
import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
HOSTILE = "<script>alert(1)<"


def unpacked(packed):
    """The inverse of `report.pack`."""
    raw = np.frombuffer(base64.b64decode(packed["data"]), f"<{'f' if packed['width'] == 4 else 'u'}{packed['width']}")
    return (packed["low"] + packed["scale"] * raw).reshape(packed["shape"])


def page_data(path):
    text = path.read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return text, json.loads(data)


def report(folder):
    command = [sys.executable, str(ROOT / "experiments" / "report.py"), "runs"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A page of runs, whole, unfinished, damaged and with hostile names, and what the script said."""
    folder = tmp_path_factory.mktemp("report")
    runs = folder / "runs" / "numpy_gan"
    for seed, iterations in ((0, 300), (1, 500)):
        trained("numpy_gan", runs / f"inside-seed{seed}", seed=seed, iterations=iterations, record_every=100)
    first = runs / "inside-seed0"
    for name in ("damaged", "garbled", "unfinished", "begun", HOSTILE):
        shutil.copytree(first, runs / name)
    content = bytearray((first / "histograms.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (runs / "damaged" / "histograms.npz").write_bytes(content)
    (runs / "garbled" / "config.json").write_text("{")
    (runs / "unfinished" / "SHA256SUMS").unlink()
    for name in ("SHA256SUMS", "histograms.npz", "history.csv", "metrics.json"):
        (runs / "begun" / name).unlink()
    config = json.loads((first / "config.json").read_text())
    config["settings"]["preset"], config["versions"]["commit"] = HOSTILE, '"><img src=x onerror=alert(2)>'
    (runs / HOSTILE / "config.json").write_text(json.dumps(config))
    arrays = files.read_arrays(first / "histograms.npz")
    np.savez(runs / HOSTILE / "histograms.npz", **{**arrays, "views": np.array(["</script><script>alert(3)<"])})
    files.seal(runs / HOSTILE)
    return folder, report(folder)


def test_the_page_names_every_run(made):
    folder, said = made
    assert said.returncode == 0 and said.stderr == "", said.stderr
    assert "numpy_gan/damaged: damaged: " in said.stdout and "histograms.npz is damaged" in said.stdout
    assert "numpy_gan/garbled: damaged: " in said.stdout and "runs/report.html, 7 runs" in said.stdout
    text, players = page_data(folder / "runs" / "report.html")
    rows = text.split("<tbody>")[1].split("</tbody>")[0].strip().splitlines()
    # In the order of the names; of those that cannot be played, what is wrong stands there in place of a button.
    assert [player is not None for player in players] == [True, False, False, False, True, True, True]
    assert [" data-player" in row for row in rows] == [player is not None for player in players]
    assert "unfinished" in rows[1] and "damaged" in rows[2] and "garbled" in rows[3]
    assert "iterations=300" in rows[4] and "wasserstein 0." in rows[4] and ">no<" in rows[4]


def test_text_from_files_is_escaped_and_the_page_asks_for_nothing(made):
    text, players = page_data(made[0] / "runs" / "report.html")
    assert "alert(1)" in text and "alert(2)" in text and "alert(3)" in players[0]["views"][0]["name"]
    assert "<script>alert" not in text and "<img" not in text.split("<tbody>")[1].split("</tbody>")[0]
    assert "default-src 'none'" in text and not re.search(r"(src|href)=\"(?!data:)", text.split("<script>")[0])
    assert len(text) < 10e6


def test_a_run_is_shown_as_it_was_recorded(made):
    folder, _ = made
    _, players = page_data(folder / "runs" / "report.html")
    shown, recording = players[5], recordings.of_run(folder / "runs" / "numpy_gan" / "inside-seed1")
    assert shown["iterations"] == recording.iterations
    density = unpacked(shown["views"][0]["density"])
    assert np.allclose(density[-1], recording.histogram().density, atol=density.max() / 60_000)
    for name in ("d", "g"):
        assert np.allclose(unpacked(shown[name]), recording.curves[name], atol=1e-4)
    width = 1.4 / 64
    data = unpacked(shown["views"][0]["data"])
    assert data.sum() * width == pytest.approx(1, abs=1e-3)
    ideal = unpacked(shown["ideal"])
    assert ideal[100] == pytest.approx(0.5, abs=0.01) and ideal[31] == pytest.approx(0.35, abs=0.01)


def test_frames_are_bounded_and_keep_their_ends():
    module = experiment("report")
    recording = Recording({"entries": np.linspace(0, 1, 65)}, keep=25)
    rng = np.random.default_rng(0)
    for iteration in range(100):
        recording.record(iteration, rng.uniform(size=(25, 784)))
    shown = module.player(recording, None, {}, "mnist")
    assert len(json.dumps(shown)) < 1.2 * module.BUDGET
    assert shown["iterations"][0] == 0 and shown["iterations"][-1] == 99 and len(shown["iterations"]) > 8
    assert np.allclose(unpacked(shown["images"])[-1], recording.samples[-1], atol=1 / 255)
    gaps = {b - a for a, b in pairwise(shown["iterations"])}
    assert max(gaps) - min(gaps) <= 1


def test_points_are_shown_in_the_plane():
    module, sine = experiment("report"), experiment("sine")
    recording = Recording(sine.EDGES, sine.VIEWS, keep=50)
    recording.record(0, np.random.default_rng(0).uniform(0, 6, (200, 2)))
    shown = module.player(recording, None, {}, "sine")
    assert shown["plane"]["shape"] == (1, 50, 2) and np.allclose(unpacked(shown["curve"]), sine.CURVE, atol=1e-3)
    assert [view["name"] for view in shown["views"]] == ["x", "residual"] and "d" not in shown


def test_only_a_page_is_replaced(made, monkeypatch):
    folder, _ = made
    monkeypatch.chdir(folder)
    module = experiment("report")
    module.main(module.Arguments(Path("runs")))  # over the page that is there
    (folder / "mine.html").write_text("precious")
    with pytest.raises(Refused, match=r"mine\.html is no page"):
        module.main(module.Arguments(Path("runs"), Path("mine.html")))
    assert (folder / "mine.html").read_text() == "precious"


@contextlib.contextmanager
def browser(page, width=1200, dark=False):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={width},1000"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")  # no network
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        phone = {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": True}
        if width < 500:
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        driver.get(page.as_uri())
        yield driver
    finally:
        driver.quit()


def press(driver, selector):
    driver.execute_script(f"document.querySelector({json.dumps(selector)}).click()")


def until(condition):
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.1)
    return False


def drawn(driver):
    """The outline of p_g, as it is drawn."""
    return driver.execute_script("return document.querySelector('.plot .trace:last-child .js-line').getAttribute('d')")


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
def test_in_a_browser(made):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    page = made[0] / "runs" / "report.html"
    with browser(page) as driver:
        press(driver, "tbody tr:nth-child(6) button")
        assert driver.find_element(By.ID, "iteration").text == "iteration 500"
        last = drawn(driver)
        slider = driver.find_element(By.ID, "frame")
        driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", slider)
        time.sleep(0.5)
        width = slider.size["width"]
        handle = ActionChains(driver).move_to_element_with_offset(slider, width // 2 - 8, 0).click_and_hold()
        handle.move_by_offset(-width + 20, 0).release().perform()  # to the left end
        assert until(lambda: drawn(driver) != last)
        assert driver.find_element(By.ID, "iteration").text == "iteration 0"
        press(driver, "#play")  # to the end, and there it stops
        assert until(lambda: driver.find_element(By.ID, "iteration").text == "iteration 500")
        assert until(lambda: driver.find_element(By.ID, "play").text == "Play") and drawn(driver) == last
        press(driver, "#play")
        press(driver, "#play")
        assert driver.find_element(By.ID, "play").text == "Play"

        def seeds():
            return [cell.text for cell in driver.find_elements(By.CSS_SELECTOR, "td.seed")]

        press(driver, "th.seed button")
        rising = seeds()
        press(driver, "th.seed button")
        assert rising == sorted(rising, key=lambda seed: seed or "9") and seeds()[0] == "1"  # what is empty is last
        assert rising[-1] == seeds()[-1] == ""
        press(driver, "tbody button[data-player='0']")  # the hostile one, whose view has a name
        assert "alert(3)" in driver.find_element(By.ID, "panels").text
        assert not driver.find_elements(By.CSS_SELECTOR, "td script, td img, section script, section img")

        assert driver.get_log("browser") == []
        requests = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        urls = {r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"}
        assert {url for url in urls if not url.startswith("data:")} == {page.as_uri()}


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
def test_on_a_phone_and_in_the_dark(made):
    with browser(made[0] / "runs" / "report.html", width=390, dark=True) as driver:
        press(driver, "tbody tr:nth-child(6) button")
        wide, paper, ink = driver.execute_script(
            "const style = getComputedStyle(document.body); return [document.documentElement.scrollWidth, "
            "style.backgroundColor, getComputedStyle(document.querySelector('.plot .xtick text')).fill]"
        )
        assert wide == 390  # nothing sticks out
        brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 765 for colour in (paper, ink)]
        assert brightness[0] < 0.15 and brightness[1] > 0.8
        assert driver.get_log("browser") == []
