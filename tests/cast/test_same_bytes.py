"""The same seed gives the same bytes on a processor with other instructions."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy._core import _multiarray_umath as instructions

SCRIPT = """
import hashlib
from mmdgen.cast import make_character
for seed in (0, 7):
    for wild in (False, True):
        character = make_character(seed, wild=wild)
        pixels = b"".join(character.textures[name].tobytes() for name in sorted(character.textures))
        print(hashlib.sha256(character.data).hexdigest(), hashlib.sha256(pixels).hexdigest())
"""


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


def without_vector_instructions() -> dict[str, str]:
    """Numpy's exponentials and powers then differ in their last bits (measured with AVX-512)."""
    found = [name for name in instructions.__cpu_dispatch__ if instructions.__cpu_features__.get(name)]
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(found), "PYTHONHASHSEED": "1"}


@pytest.mark.slow
def test_characters_do_not_depend_on_the_processors_instructions() -> None:
    plain = without_vector_instructions()
    assert run(SCRIPT, PYTHONHASHSEED="0") == run(SCRIPT, **plain)


def test_numbers_on_the_grid_are_exact_in_a_model_file() -> None:
    from mmdgen.cast.curves import on_grid

    values = on_grid(np.array([0.1, -15.6, 1 / 3]))
    assert np.array_equal(values.astype(np.float32).astype(np.float64), values)
