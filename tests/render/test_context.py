"""Renderers in one process and thread leave each other alone."""

from __future__ import annotations

import moderngl
import numpy as np
import pytest

from mmdgen.errors import RenderError
from mmdgen.images import Image
from mmdgen.pose import Pose
from mmdgen.render import Renderer, RenderSettings
from mmdgen.render.geometry import Geometry
from mmdgen.render.textures import upload_picture
from mmdgen.rig import build_rig
from tests.builders import material, vertex_morph
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


def test_leaving_a_redraw_frees_nothing_of_another_renderer() -> None:
    """Two contexts with the same history give their objects the same numbers."""
    move = vertex_morph("動", dict.fromkeys(range(4), (1.0, 0.0, 0.0)))
    model = quads((-5.0, -3.0, 2.0, 6.0, 0.0), morphs=[move])
    rig = build_rig(model)
    pose = Pose.rest(model, (2,))
    pose.morph_weights[1] = 1.0
    posed, base = rig.pose(pose), rig.pose(Pose.rest(model, (1,)))
    with Renderer() as renderer, Renderer() as other:
        left = renderer.redraw(renderer.load(rig, {}), base, posed, VIEW)
        kept = other.redraw(other.load(rig, {}), base, posed, VIEW)
        before = kept.render(posed)
        left.__exit__(None, None, None)
        np.testing.assert_array_equal(kept.render(posed), before)


def test_a_model_that_the_driver_refuses_midway_leaves_nothing_behind(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded, freed = [], []

    def refuse_third(context: moderngl.Context, pixels: Image, *, decode: bool) -> moderngl.Texture:
        if len(uploaded) == 2:
            raise RenderError("as asked")
        uploaded.append(upload_picture(context, pixels, decode=decode))
        return uploaded[-1]

    monkeypatch.setattr("mmdgen.render.pictures.upload_picture", refuse_third)
    monkeypatch.setattr(Geometry, "release", lambda geometry: freed.append(geometry))
    textures = {index: np.full((2, 2, 4), 255, np.uint8) for index in range(2)}
    model = quads(
        *[(-1.0, -1.0, 1.0, 1.0, 0.0)] * 2,
        textures=["a.png", "b.png"],
        materials=[material("甲", texture=0), material("乙", texture=1)],
    )
    with pytest.raises(RenderError, match="as asked"):
        renderer.load(build_rig(model), textures)
    assert [type(texture.mglo).__name__ for texture in uploaded] == ["InvalidObject"] * 2
    assert len(freed) == 1
