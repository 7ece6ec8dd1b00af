"""The page as a browser shows it, and the pictures in a terminal."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fearec_cli.data.prepared import Prepared
from fearec_cli.insight.inspection import inspect
from fearec_cli.insight.page.contents import inspection_page, report_page
from fearec_cli.insight.page.figures import figures
from fearec_cli.insight.page.terminal import draw
from fearec_cli.insight.subject import with_subject
from fearec_cli.runs.evaluation import evaluate_checkpoint
from support import tiny

from .test_inspection import checkpoint, data

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


DAY = 86_400_000_000
# Everybody comes back to an item after a week.
WEEKLY = [[(start + day) % 7 + 1 for day in range(20)] for start in range(12)]


def weekly() -> Prepared:
    return tiny.prepared(WEEKLY, n_items=12, times=[day * DAY for _ in WEEKLY for day in range(20)])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made, prepared = checkpoint("model.repeats=learned", "model.positions=relative"), weekly()
    found = with_subject(inspect(made, prepared), made, prepared, user="u3", history=None)
    prepared.manifest.counts = SimpleNamespace(users=12, items=12, interactions=240, first=None, last=None)
    metrics = {"unmasked": {"NDCG@10": 0.1}, "seen-masked": {"NDCG@10": 0.2}}
    records = [{"step": step, "loss": 3.0, "terms": {"ce": 2.0, "contrast": 5.0}, "valid": metrics} for step in (1, 2)]
    report = report_page("first", made, prepared, evaluate_checkpoint(made, prepared), records, found)
    place = tmp_path_factory.mktemp("page")
    for name, text in (("inspection", inspection_page(made, prepared, found)), ("report", report)):
        (place / name).with_suffix(".html").write_text(text, encoding="utf-8")
    return {file.stem: file for file in place.iterdir()}


@pytest.fixture(scope="module")
def page(pages: dict[str, Path]) -> Path:
    return pages["inspection"]


def test_the_page_stands_alone_and_every_picture_has_its_words_and_numbers(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text) < 2_000_000
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!#)', outside)
    keys = re.findall(r'<div class="chart" id="chart-([\w-]+)" role="img" aria-label="[^"]+"', outside)
    assert {"filters", "energy", "returns-days", "delays-items", "biases", "repeats", "weights", "gains"} <= set(keys)
    assert outside.count("<details>") == len(keys)


def test_a_histogram_of_nothing_is_no_picture() -> None:
    found = inspect(checkpoint(), data())
    assert set(found.returns) == {"days", "hours"}
    assert not [figure for figure in figures(found) if figure.key.startswith("returns")]


def test_foreign_text_is_escaped() -> None:
    made, prepared = checkpoint(), data()
    object.__setattr__(made.info, "dataset", "</script><script>alert(1)</script>")
    text = inspection_page(made, prepared, inspect(made, prepared))
    assert "<script>alert(1)" not in text


def test_pictures_in_a_terminal() -> None:
    made, prepared = checkpoint("model.positions=relative"), weekly()
    found = with_subject(inspect(made, prepared), made, prepared, user="u3", history=None)
    drawn = {figure.key: draw(figure, 80, colour=False) for figure in figures(found)}
    for figure in figures(found):
        assert figure.title in drawn[figure.key]
        assert "\x1b" not in drawn[figure.key]
        assert max(map(len, drawn[figure.key].splitlines())) <= 80
    # What an axis is called, and lines that can be distinguished without colours.
    assert drawn["weights"].split()[-1] == "share"
    assert drawn["gains"].rstrip().endswith("gain in NDCG@10")
    assert "position" in drawn["user"].splitlines()[-2]
    assert drawn["filters"].splitlines()[-1] == "o layer 1  x layer 2"
    assert {"o", "x"} <= set("".join(drawn["filters"].splitlines()[1:-2]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None or shutil.which("chromedriver") is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for switch in SWITCHES.split():
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["inspection", "report"])
def test_a_browser_draws_every_picture_without_a_fault_and_without_overflow(
    browser: Any, pages: dict[str, Path], name: str, scheme: str
) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    phone = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.get(pages[name].as_uri())
    charts = browser.find_elements("css selector", ".chart")
    browser.implicitly_wait(5)
    assert all(chart.find_elements("css selector", "svg") for chart in charts)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    colours = browser.execute_script(
        "const t = getComputedStyle(document.querySelector('.chart svg text')).fill;"
        "return [t, getComputedStyle(document.body).backgroundColor]"
    )
    text, background = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert abs(text - background) > 400  # of 765: legible
    # Nothing of a picture, its legend included, is cut off, and the words of a table are whole.
    for chart in charts:
        inner, outer = (chart.find_element("css selector", part).rect for part in ("svg .mark-group", "svg"))
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1, chart.get_attribute("id")
    broken = (
        "return [...document.querySelectorAll('table:not(.pairs) td')].filter(e => e.getClientRects()[0].height > 40)"
    )
    assert browser.execute_script(f"{broken}.map(e => e.innerText)") == []


def test_values_are_shown_on_hover(browser: Any, page: Path) -> None:
    from selenium.webdriver import ActionChains

    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(page.as_uri())
    browser.implicitly_wait(5)
    mark = browser.find_element("css selector", "#chart-filters .mark-symbol path")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    ActionChains(browser).move_to_element(mark).perform()
    tooltip = browser.find_element("css selector", "#vg-tooltip-element.visible")
    assert "cycles an item" in tooltip.text
