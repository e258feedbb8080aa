"""A real server process and a real Chromium, and a person's hands in it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 180_000  # for busy machines; nothing waits that long when all is well


class Server:
    """`annotate-gui` in a process of its own, always on one port."""

    def __init__(self, models: Path, annotations: Path) -> None:
        self._command = [sys.executable, "-m", "annotate_gui.command", str(models)]
        self._command += ["--annotations", str(annotations), "--workers", "1", "--port"]
        self._process: subprocess.Popen[str] | None = None
        self._port = "0"

    @property
    def url(self) -> str:
        return f"http://localhost:{self._port}/"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*self._command, self._port],
            cwd=CHECKOUT,
            env={**os.environ, "LP_NUM_THREADS": "0"},
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        assert self._process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self._process.stdout.readline())
        assert found is not None
        self._port = found[1]

    def kill(self) -> None:
        """As the system does it, without warning."""
        self._end(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        return self._end(signal.SIGINT)

    def stop(self) -> None:
        if self._process is not None:
            self._end(signal.SIGTERM)

    def _end(self, by: int) -> int:
        assert self._process is not None
        self._process.send_signal(by)
        status = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return status


@contextmanager
def serving(models: Path, annotations: Path) -> Iterator[Server]:
    server = Server(models, annotations)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def open_chromium() -> Iterator[Any]:
    """A browser; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium; make setup-browser installs it")
    arguments = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Annotator:
    """A person at the page."""

    def __init__(self, browser: Any, url: str, name: str) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector("#who[open]")
        self.page.fill("#who-name", name)
        self.page.keyboard.press("Enter")
        self.wait_for_model()

    @property
    def model(self) -> str | None:
        found: str | None = self.page.evaluate("document.body.dataset.model ?? null")
        return found

    @property
    def is_done(self) -> bool:
        return bool(self.page.is_visible("#empty"))

    @property
    def toast(self) -> str:
        return str(self.page.text_content("#toast"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, selector: str) -> None:
        self.page.click(selector)

    def wait_for_model(self, other_than: str | None = None) -> str | None:
        """The model that is shown next, or None when all are done."""
        self.page.wait_for_function(
            """before => { const now = document.body.dataset.model;
            return (now && now !== before) || !document.getElementById("empty").hidden; }""",
            arg=other_than,
        )
        return self.model

    def wait_until_ahead(self, count: int) -> None:
        """Until so many of the next models are loaded."""
        self.page.wait_for_function(
            """count => Number(document.body.dataset.ahead) >= count
            && document.body.dataset.model === document.body.dataset.aheadOf""",
            arg=count,
        )

    def wait_until_saved(self) -> None:
        self.page.wait_for_selector("#saved[data-state=saved]")

    def wait_for_away(self) -> None:
        self.page.wait_for_selector("#saved[data-state=offline]")

    def close(self) -> None:
        assert self.errors == []
        self.context.close()
