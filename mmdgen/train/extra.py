"""Says in one sentence what to install when torch is missing."""

from __future__ import annotations

import importlib.util

from mmdgen.errors import BackendError


def require_torch() -> None:
    """Raise BackendError if torch is not installed. Call it before importing a module that needs torch."""
    if importlib.util.find_spec("torch") is None:
        raise BackendError('training needs torch: pip install "mmdgen[train]"')
