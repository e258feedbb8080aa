"""Renderers in one process and thread leave each other alone."""

from __future__ import annotations

import numpy as np

from mmdgen.pose import Pose
from mmdgen.render import Renderer, RenderSettings
from mmdgen.rig import build_rig
from tests.render.scenes import VIEW, draw, quads


def test_a_second_renderer_does_not_disturb_the_first(renderer: Renderer) -> None:
    model = quads((-5.0, -3.0, 2.0, 6.0, 0.0))
    rig = build_rig(model)
    posed = rig.pose(Pose.rest(model, (1,)))
    loaded = renderer.load(rig, {})
    before = renderer.render(loaded, posed, VIEW)
    with Renderer(RenderSettings(software_threads=0)) as other:
        there = draw(other, quads((0.0, 0.0, 8.0, 8.0, 0.0)))
        between = renderer.render(loaded, posed, VIEW)
        np.testing.assert_array_equal(draw(other, quads((0.0, 0.0, 8.0, 8.0, 0.0))), there)
    after = renderer.render(loaded, posed, VIEW)
    loaded.release()
    np.testing.assert_array_equal(between, before)
    np.testing.assert_array_equal(after, before)
    assert (there != before[0]).any()
