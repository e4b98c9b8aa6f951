"""The pages of docs/browser in a real headless Chromium, with their Python side running natively behind the worker."""

from __future__ import annotations

import configparser
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_helpers import FLAGS, PAGES, Server, chromium, served

from mlp_numpy.explain import EXAMPLES

pytestmark = pytest.mark.slow
PATIENCE = 90
"""Seconds within which a page must have answered; on a quiet machine it takes less than one."""

EMPTY = "#data=clouds&hidden=4"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("selenium", reason="the extra 'browser' is not installed")
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("Chromium and its driver are not installed")
    with chromium(tmp_path_factory.mktemp("chromium") / "profile", "--window-size=1400,1200") as found:
        yield found


class Page:
    """A page that is open, with Python ready."""

    def __init__(self, browser: Any, server: Server, path: str) -> None:
        self.browser = browser
        browser.get("about:blank")  # a new fragment alone would not load the page anew
        browser.get(f"{server.url}/{path}")
        self.wait(lambda: self.of("status").get_attribute("data-state") == "ready")

    def of(self, name: str) -> Any:
        return self.browser.find_element("id", name)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def rows(self, selector: str) -> list[list[str]]:
        """The text of the cells of these rows, read at once: a page that draws its table anew replaces them."""
        script = "return [...document.querySelectorAll(arguments[0])].map(r => [...r.cells].map(c => c.innerText));"
        found: list[list[str]] = self.run(script, selector)
        return found

    def text(self, name: str) -> str:
        return str(self.of(name).text)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], Any]) -> Any:
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.browser, PATIENCE, 0.05, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(lambda _: condition())

    def press(self, name: str, keys: str) -> None:
        self.of(name).send_keys(keys)


@pytest.fixture
def opened(browser: Any, server: Server) -> Callable[[str], Page]:
    return lambda path: Page(browser, server, path)


def ready_to_train(page: Page) -> None:
    page.wait(lambda: len(page.all("#checks tbody tr")) > 0)


def is_drawn(page: Page, name: str) -> bool:
    script = """const canvas = document.getElementById(arguments[0]);
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value) => value !== 0);"""
    return bool(page.run(script, name))


def test_a_linked_training_learns_and_its_gradients_are_checked(opened: Callable[[str], Page]) -> None:
    page = opened("train.html#data=clouds&hidden=8&activation=relu&norm=layer&optimizer=sgd&lr=0.2&batch=16&seed=3")
    ready_to_train(page)
    assert [page.of("settings").find_element("name", name).get_attribute("value") for name in ("hidden", "lr")] == [
        "8",
        "0.2",
    ]
    assert "LayerNorm(8, eps=1e-05) → ReLUModule()" in page.text("network")
    before = float(page.text("test-loss"))
    page.press("run", "\n")
    page.wait(lambda: int(page.text("step")) >= 30)
    page.press("run", " ")
    page.wait(lambda: page.of("run").get_attribute("aria-pressed") == "false")
    page.wait(lambda: float(page.text("test-loss")) < before / 2)
    assert is_drawn(page, "curve")
    assert is_drawn(page, "boundary")
    rows = page.rows("#checks tbody tr")
    assert [row[0] for row in rows] == ["x", "0.weight", "0.bias", "1.gamma", "1.beta", "3.weight", "3.bias"]
    assert all(row[-1] == "fine" and float(row[-2]) < 1e-12 and row[4] == row[5] for row in rows)


def test_the_link_holds_the_settings(opened: Callable[[str], Page]) -> None:
    page = opened("train.html")
    ready_to_train(page)
    page.run("const f = document.forms.settings; f.data.value = 'digits'; f.hidden.value = '12, 9';")
    page.run("document.forms.settings.data.dispatchEvent(new Event('change', { bubbles: true }));")
    page.wait(lambda: "LinearModule(12, 9)" in page.text("network"))
    link = page.of("link").get_attribute("value")
    again = opened(link.rpartition("/")[2])
    again.wait(lambda: "LinearModule(64, 12)" in again.text("network"))
    again.wait(lambda: len(again.all("#images li")) == 20)
    assert not again.of("plane").is_displayed()


def test_the_page_stays_alive_while_python_computes(opened: Callable[[str], Page], server: Server) -> None:
    page = opened(f"train.html{EMPTY}")
    ready_to_train(page)
    with server.lock:
        page.of("one").click()
        frames = """const done = arguments[0]; let frames = 0;
            const next = () => (++frames === 10 ? done(frames) : requestAnimationFrame(next)); next();"""
        assert page.browser.execute_async_script(frames) == 10
        page.press("link", "")
        assert page.text("step") == "0"
    page.wait(lambda: page.text("step") == "1")


def test_a_step_is_taken_apart(opened: Callable[[str], Page]) -> None:
    page = opened(f"train.html{EMPTY}")
    ready_to_train(page)
    page.press("trace", "\n")
    titles, marked = [], []
    page.wait(lambda: page.all("#stage h3"))
    while True:
        titles.append(page.all("#stage h3")[0].text)
        marked.append(" ".join(mark.text for mark in page.all("#stage mark")))
        if not page.of("next").is_enabled():
            break
        page.press("next", "\n")
    passes = [title.split(": ")[1].split(",")[0] for title in titles]
    assert passes == ["Forward"] * 4 + ["Backward"] * 4 + ["Update"]
    assert marked[0].split() == ["Forward", "out", "=", "x", "Wᵀ", "+", "b"]
    assert marked[-2].split()[:5] == ["Backward", "dx", "=", "dout", "W"]
    assert "m ←" in marked[-1]
    assert page.text("step") == "0"


@pytest.mark.parametrize(("settings", "message"), [("lr=-1", "lr must be"), ("hidden=4,x", "hidden[1] must be")])
def test_a_wrong_setting_is_told(opened: Callable[[str], Page], settings: str, message: str) -> None:
    page = opened(f"train.html#data=clouds&{settings}")
    page.wait(lambda: message in page.text("error"))
    assert page.of("error").get_attribute("role") == "alert"


def test_a_formula_computes_what_is_typed(opened: Callable[[str], Page]) -> None:
    page = opened("layer.html?layer=Linear")
    field = page.wait(lambda: next(iter(page.all('[aria-label="x[0, 1]"]')), None))
    field.clear()
    field.send_keys("7")
    x, weight, bias = (np.array(EXAMPLES["Linear"].arrays[name]) for name in ("x", "weight", "bias"))
    x[0, 1] = 7
    out = [[str(number) for number in row] for row in np.round(x @ weight.T + bias, 4).tolist()]

    def shown_out() -> list[list[str]]:
        rows = page.rows("#out tr")[1:]
        return [[str(float(text)) for text in row[-len(out[0]) :]] for row in rows]

    page.wait(lambda: shown_out() == out)
    assert len(page.all("#gradients > div")) == 3
    assert float(page.text("difference").split(":")[1]) < 1e-14
    field.send_keys("\ue003")  # backspace
    page.wait(lambda: "must hold a number" in page.text("error"))


def test_every_formula_has_its_page(opened: Callable[[str], Page]) -> None:
    page = opened("layer.html")
    page.wait(lambda: page.all("#formulas li"))
    links = page.run("return [...document.querySelectorAll('#formulas a')].map((link) => link.href.split('=')[1]);")
    assert links == list(EXAMPLES)


def test_the_audit_judges_an_answer(opened: Callable[[str], Page]) -> None:
    page = opened("editor.html#Linear")
    page.wait(lambda: "dweight" in page.of("code").get_attribute("value"))
    assert "dout W" not in page.text("equation")
    page.press("judge", "\n")
    page.wait(lambda: "Not yet." in page.text("verdict"))
    assert "must be an array" in page.text("verdict")
    for factor, sentence, detail in (("2 *", "Not yet.", "dweight["), ("1 *", "Right:", "agrees")):
        answer = f"""def backward(context, dout):
    x, weight = context["x"], context["weight"]
    return dout @ weight, {factor} dout.T @ x, dout.sum(axis=0)"""
        page.run("const code = document.getElementById('code'); code.value = arguments[0];", answer)
        page.press("code", "\ue009\n")  # Ctrl+Enter
        page.wait(lambda sentence=sentence: sentence in page.text("verdict"))
        assert detail in page.text("verdict")


def test_an_answer_without_end_can_be_stopped(opened: Callable[[str], Page], server: Server) -> None:
    page = opened("editor.html#ReLU")
    page.wait(lambda: page.of("code").get_attribute("value"))
    with server.lock:
        page.of("judge").click()
        page.wait(lambda: page.of("stop").is_enabled())
        page.of("stop").click()
        page.wait(lambda: "Stopped." in page.text("verdict"))
    page.of("judge").click()
    page.wait(lambda: "Not yet." in page.text("verdict"))


PATHS = ("index.html", f"train.html{EMPTY}", "layer.html?layer=Conv2d", "editor.html#GELU")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_is_named_and_readable(browser: Any, server: Server, path: str) -> None:
    """At 400 and 1400 pixels, in light and in dark; by keyboard and by voice."""
    page = Page(browser, server, path) if path != "index.html" else None
    if page is None:
        browser.get(f"{server.url}/{path}")
    elif path.startswith("train"):
        ready_to_train(page)
    try:
        for width in (400, 1400):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        for scheme, is_dark in (("light", False), ("dark", True)):
            media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            background = luminance(browser, "body", "backgroundColor")
            assert (background < 0.2) == is_dark
            for selector in ("body", "main a", ".note", ".primary"):
                if browser.find_elements("css selector", selector):
                    under = luminance(browser, selector, "backgroundColor") if selector == ".primary" else background
                    assert contrast(luminance(browser, selector, "color"), under) >= 4.5, (scheme, selector)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = [node for node in nodes if node.get("role", {}).get("value") in CONTROLS and not node.get("ignored")]
    assert controls
    assert [node for node in controls if not node.get("name", {}).get("value")] == []
    headings = [
        int(tag.tag_name[1]) for tag in browser.find_elements("css selector", "h1, h2, h3") if tag.is_displayed()
    ]
    assert headings.count(1) == 1
    assert headings[0] == 1
    script = "return document.querySelectorAll('[aria-live], [role=alert]').length"
    assert path == "index.html" or browser.execute_script(script) >= 2
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


CONTROLS = {"button", "link", "textbox", "combobox", "spinbutton", "image", "img", "group", "table"} - {
    "table",
    "group",
}


def luminance(browser: Any, selector: str, name: str) -> float:
    """The relative luminance of a color, by the Web Content Accessibility Guidelines."""
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    color = np.array(
        [float(number) for number in re.findall(r"[\d.]+", browser.execute_script(script, selector, name))]
    )
    share = color[:3] / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: float, other: float) -> float:
    """The contrast of two luminances."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_a_file_with_another_digest_is_refused(browser: Any, tmp_path: Path) -> None:
    """The page's own script in the place of the interpreter's: it is there, but not what the digest says."""
    constants = (PAGES / "constants.js").read_text(encoding="utf-8")
    (base,) = re.findall(r'base: ("[^"]*")', constants)
    with served({base: '"./"', '"pyodide.mjs"': '"elements.js"'}) as other:
        browser.get("about:blank")
        browser.get(f"{other.url}/editor.html")
        from selenium.webdriver.support.ui import WebDriverWait

        status = browser.find_element("id", "status")
        WebDriverWait(browser, PATIENCE, 0.05).until(lambda _: status.get_attribute("data-state") == "failed")
        assert "could not be loaded" in status.text
    logged = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert "integrity" in logged


def test_the_constants_name_one_version_of_everything() -> None:
    constants = (PAGES / "constants.js").read_text(encoding="utf-8")
    setup = configparser.ConfigParser()
    setup.read(PAGES.parents[1] / "setup.cfg", encoding="utf-8")
    assert f'"wheels/mlp_numpy-{setup["metadata"]["version"]}-py3-none-any.whl": ""' in constants
    digests = re.findall(r"sha256-[\w+/]{43}=", constants)
    assert len(digests) == len(set(digests)) == 10
    assert set(re.findall(r"https?://[^/\"]+", constants)) == {"https://cdn.jsdelivr.net"}


def test_the_pages_name_no_other_place() -> None:
    for path in PAGES.iterdir():
        if path.name != "constants.js" and path.suffix in (".html", ".js", ".css"):
            assert "://" not in path.read_text(encoding="utf-8"), path
    assert "--headless" in FLAGS
