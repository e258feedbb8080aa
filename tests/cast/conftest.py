"""Characters that several tests look at."""

from __future__ import annotations

from functools import lru_cache

import pytest

from mmdgen.cast import Character, make_character


@lru_cache(maxsize=16)
def cached_character(seed: int) -> Character:
    return make_character(seed)


@pytest.fixture(params=range(4))
def character(request: pytest.FixtureRequest) -> Character:
    seed: int = request.param
    return cached_character(seed)
