"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real models and facts beside the checkout; MMDGEN_SHARED names another place.

    Without it the tests that need it are skipped, except in CI, where its absence is an error.
    """
    folder = Path(os.environ.get("MMDGEN_SHARED", CHECKOUT.parent / "shared"))
    if folder.is_dir():
        return folder
    reason = f"no folder {folder} with real models; set MMDGEN_SHARED to where it is"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
