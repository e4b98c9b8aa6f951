"""The script of a report, in a real browser: it zooms, and labels the axes as the page does without it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from typing import Any

import pytest

from mlp_numpy.config import Config
from mlp_numpy.report import RunContents, run_page
from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = """
<script>
const found = [...document.querySelectorAll(".frame")].map((frame) => {
  const press = (key) => frame.dispatchEvent(new KeyboardEvent("keydown", { key }));
  const labels = (axis) => [...frame.querySelectorAll(`${axis} span`)].map((span) => span.textContent);
  const look = () => [labels(".across"), labels(".up")];
  const views = [], ticks = [look()];
  for (const key of ["0", "+", "ArrowRight", "-"]) {
    press(key);
    views.push(frame.querySelector("svg").getAttribute("viewBox"));
    ticks.push(look());
  }
  return { views, ticks, wide: document.documentElement.scrollWidth > innerWidth };
});
document.documentElement.dataset.found = JSON.stringify(found);
</script></body>"""


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each chart showed before and after keys were pressed: a loss over decades, an accuracy, a schedule."""
    if BROWSER is None:
        pytest.skip("there is no Chromium")
    folder = tmp_path_factory.mktemp("browser")
    history = History(RunInfo(name="drawn", status="finished"))
    for step in range(1, 301):
        history.add(StepRecord(step, 50 / step, step / 400, 0.1 / step))
        if step % 50 == 0:
            history.add(EvaluationRecord(step, 60 / step, step / 420))
    page = run_page(RunContents(folder, Config(steps=300), history))
    (folder / "page.html").write_text(page.replace("</body>", PROBE), encoding="utf-8")
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    words = [BROWSER, *quiet, f"--user-data-dir={folder / 'profile'}", "--window-size=800,900", "--dump-dom"]
    done = subprocess.run([*words, (folder / "page.html").as_uri()], capture_output=True, text=True, timeout=120)
    (found,) = re.findall(r'data-found="([^"]*)"', done.stdout)
    charts: list[dict[str, Any]] = json.loads(unescape(found))
    return charts


@pytest.mark.slow
def test_the_keys_zoom_and_move(charts: list[dict[str, Any]]) -> None:
    assert len(charts) == 3
    for chart in charts:
        assert chart["views"] == ["0 0 1000 1000", "250 250 500 500", "350 250 500 500", "0 0 1000 1000"]
        assert not chart["wide"]


@pytest.mark.slow
def test_its_axes_are_those_of_the_page(charts: list[dict[str, Any]]) -> None:
    for chart in charts:
        before, after, zoomed, moved, _ = chart["ticks"]
        assert before == after
        assert all(before)
        assert zoomed != before
        assert moved[1] == zoomed[1]  # a step to the right changes one axis
        assert moved[0] != zoomed[0]
    assert charts[0]["ticks"][0][1] == ["0.2", "0.5", "1", "2", "5", "10", "20", "50"]
