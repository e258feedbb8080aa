from __future__ import annotations

import pytest

from mmdgen.dataset.keys import named_rng
from mmdgen.errors import DatasetError
from mmdgen.sampling.views import LightRanges, Range, sample_light
from mmdgen.scene import Light


def test_a_fixed_light_is_tha1s() -> None:
    assert sample_light(LightRanges(), named_rng(0, "light:a")) == Light(ambient=0.5, directional=0.5)


def test_a_light_from_ranges_stays_in_them_and_differs_by_model() -> None:
    ranges = LightRanges(ambient=Range(0.5, 1.2), directional=Range(0.1, 0.2))
    lights = [sample_light(ranges, named_rng(0, f"light:{model}")) for model in range(200)]
    assert all(0.5 <= light.ambient <= 1.2 and 0.1 <= light.directional <= 0.2 for light in lights)
    assert len({light.ambient for light in lights}) == 200
    assert max(light.ambient for light in lights) > 1.1 > 0.6 > min(light.ambient for light in lights)


def test_a_range_upside_down_is_refused() -> None:
    with pytest.raises(DatasetError, match="low <= high"):
        Range(1.0, 0.5)
