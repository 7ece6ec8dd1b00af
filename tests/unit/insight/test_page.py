"""The page as a browser shows it, and the pictures in a terminal."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fearec_cli.insight.inspection import inspect
from fearec_cli.insight.page.contents import inspection_page
from fearec_cli.insight.page.figures import figures
from fearec_cli.insight.page.terminal import draw
from fearec_cli.insight.subject import with_subject

from .test_inspection import checkpoint, data

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, prepared = checkpoint(), data()
    found = with_subject(inspect(made, prepared), made, prepared, user="u3", history=None)
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(inspection_page(made, prepared, found), encoding="utf-8")
    return file


def test_the_page_stands_alone_and_every_picture_has_its_words_and_numbers(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text) < 2_000_000
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!#)', outside)
    keys = re.findall(r'<div class="chart" id="chart-([\w-]+)" role="img" aria-label="[^"]+"', outside)
    assert {"filters", "energy", "returns-days", "delays-items", "weights", "gains", "user"} <= set(keys)
    assert outside.count("<details>") == len(keys)


def test_foreign_text_is_escaped() -> None:
    made, prepared = checkpoint(), data()
    object.__setattr__(made.info, "dataset", "</script><script>alert(1)</script>")
    text = inspection_page(made, prepared, inspect(made, prepared))
    assert "<script>alert(1)" not in text


def test_pictures_in_a_terminal() -> None:
    for figure in figures(inspect(checkpoint(), data())):
        text = draw(figure, 80, colour=False)
        assert figure.title in text
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 80


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
def test_a_browser_draws_every_picture_without_a_fault_and_without_overflow(
    browser: Any, page: Path, scheme: str
) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    phone = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.get(page.as_uri())
    charts = browser.find_elements("css selector", ".chart")
    browser.implicitly_wait(5)
    assert all(chart.find_elements("css selector", "svg") for chart in charts)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    colours = browser.execute_script(
        "const t = getComputedStyle(document.querySelector('.chart svg text')).fill;"
        "return [t, getComputedStyle(document.body).backgroundColor]"
    )
    text, background = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert abs(text - background) > 400  # of 765: legible


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
