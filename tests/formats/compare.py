"""Compare the tables of two models."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np

from mmdgen.model import Model

ABOUT_THE_FILE = {"source", "format", "version", "encoding", "warnings"}


def assert_same_tables(first: Model, second: Model) -> None:
    """Every number and text of both models is equal, but what is about their files."""
    for field in fields(Model):
        if field.name not in ABOUT_THE_FILE:
            _assert_same(getattr(first, field.name), getattr(second, field.name), field.name)


def _assert_same(first: object, second: object, where: str) -> None:
    assert type(first) is type(second), where
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        assert first.dtype == second.dtype, where
        assert first.shape == second.shape, where
        assert first.tobytes() == second.tobytes(), where
    elif isinstance(first, tuple) and isinstance(second, tuple):
        assert len(first) == len(second), where
        for place, (one, other) in enumerate(zip(first, second, strict=True)):
            _assert_same(one, other, f"{where}[{place}]")
    elif is_dataclass(first):
        for field in fields(first):
            _assert_same(getattr(first, field.name), getattr(second, field.name), f"{where}.{field.name}")
    else:
        assert first == second, where
