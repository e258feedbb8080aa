"""Says in one sentence what to install when an evaluation's libraries are missing."""

from __future__ import annotations

import importlib.util

from mmdgen.errors import BackendError


def require_evaluation() -> None:
    """Raise BackendError without torch or torchmetrics. Call it before a module that needs them."""
    missing = [name for name in ("torch", "torchmetrics") if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f'evaluation needs {" and ".join(missing)}: pip install "mmdgen[train]"')
