"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mmdgen.render import Renderer

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real models and facts beside the checkout; MMDGEN_SHARED names another place.

    Without it the tests that need it are skipped, which CI counts as a failure.
    """
    folder = Path(os.environ.get("MMDGEN_SHARED", CHECKOUT.parent / "shared"))
    if folder.is_dir():
        return folder
    pytest.skip(f"no folder {folder} with real models; set MMDGEN_SHARED to where it is")


def fail_if_skipped_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI nothing may be skipped but for want of a hardware GPU: a skip there hides a missing install."""
    is_skip = report.skipped and not hasattr(report, "wasxfail")
    is_gpu_test = "gpu" in getattr(report, "keywords", ())  # only tests have keywords, modules have none
    if os.environ.get("CI") and is_skip and not is_gpu_test:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at every test's report."""
    report = yield
    fail_if_skipped_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Look at every module's report: `importorskip` skips a whole one."""
    report = yield
    fail_if_skipped_in_ci(report)
    return report


@pytest.fixture(scope="session")
def renderer() -> Generator[Renderer, None, None]:
    """One renderer for all tests of a process: opening a context is the slow part."""
    from mmdgen.render import Renderer, RenderSettings

    with Renderer(RenderSettings(software_threads=0)) as opened:
        yield opened
