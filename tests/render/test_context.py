"""Renderers in one process and thread leave each other alone."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import moderngl
import numpy as np
import psutil
import pytest

from mmdgen.errors import RenderError
from mmdgen.images import Image
from mmdgen.pose import Pose
from mmdgen.render import Renderer, RenderSettings, programs
from mmdgen.render.geometry import Geometry
from mmdgen.render.textures import SKINNING_DEFINES, upload_picture
from mmdgen.rig import build_rig
from tests.builders import bone, material, vertex_morph
from tests.render.scenes import EDGE, VIEW, draw, quads


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


def test_without_a_driver_the_packages_to_install_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> moderngl.Context:
        raise Exception("cannot load libEGL.so")  # glcontext's way of saying it

    monkeypatch.setattr("moderngl.create_context", refuse)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(RenderError, match=r"cannot load libEGL\.so.*apt-get install libegl1 libgl1") as found:
        Renderer()
    assert "\n" not in str(found.value)


def test_missing_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RenderError, match=r"EGL device 99.*another --device"):
        Renderer(RenderSettings(device_index=99))


@pytest.mark.parametrize(("broken", "place"), [("edge.glsl", "edge.glsl:1"), ("hull.glsl", "hull.glsl:1")])
def test_shader_that_does_not_compile_is_named_with_its_line(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch, broken: str, place: str
) -> None:
    def read(name: str) -> str:
        text = programs_text(name)
        return "florp;\n" + text if name == broken else text

    programs_text = programs._read
    monkeypatch.setattr(programs, "_read", read)
    with pytest.raises(RenderError, match=rf"shaders/edge\.glsl does not compile.*{place}: error") as found:
        programs.load_program(renderer._context, "edge", SKINNING_DEFINES)
    with pytest.raises(RenderError, match="does not compile"):
        Renderer()
    assert "\n" not in str(found.value)


def test_model_with_too_many_bones_is_refused_by_its_name(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmdgen.render.renderer._MOST_BONES", 1)
    model = quads((0.0, 0.0, 1.0, 1.0, 0.0), bones=[bone("頭"), bone("首")], source="large.pmx")
    with pytest.raises(RenderError, match=r"large\.pmx: 2 bones"):
        renderer.load(build_rig(model), {})


def test_texture_beyond_the_drivers_limit_is_scaled_down(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(renderer._context.info, "GL_MAX_TEXTURE_SIZE", 8)
    texture = np.full((4, 16, 4), 255, np.uint8)
    model = quads((-1.0, -1.0, 1.0, 1.0, 0.0), textures=["a.png"], materials=[material("甲", texture=0)])
    loaded = renderer.load(build_rig(model), {0: texture})
    assert loaded._pictures.bound(0)[0].size == (8, 2)
    loaded.release()


def test_target_beyond_the_drivers_limit_asks_for_fewer_samples(renderer: Renderer) -> None:
    with pytest.raises(RenderError, match=r"65536 px with 16 samples.*use fewer samples"):
        draw(renderer, quads((0.0, 0.0, 1.0, 1.0, 0.0)), replace(VIEW, size_px=65536))


def test_released_models_leave_no_objects_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    for kind in ("texture", "buffer", "vertex_array", "framebuffer", "renderbuffer", "depth_renderbuffer"):
        monkeypatch.setattr(moderngl.Context, kind, recorded(getattr(moderngl.Context, kind), made))
    with Renderer(RenderSettings(software_threads=0)) as renderer:
        draw_all_ways(renderer, 0)  # makes what stays: targets, programs
        before = len(alive(made))
        for number in range(1, 4):
            draw_all_ways(renderer, number)
        assert len(alive(made)) == before > 0
    assert not alive(made)


@pytest.mark.slow
def test_memory_is_flat_over_many_models() -> None:
    memory = []
    with Renderer(RenderSettings(software_threads=0)) as renderer:
        for number in range(301):
            draw_all_ways(renderer, number)
            if number in (100, 300):
                gc.collect()
                memory.append(psutil.Process().memory_info().rss)
    assert memory[1] - memory[0] < 8 << 20


def recorded(make: Callable[..., Any], made: list[Any]) -> Callable[..., Any]:
    """The same method, keeping what it makes."""

    def method(*args: Any, **kwargs: Any) -> Any:
        made.append(make(*args, **kwargs))
        return made[-1]

    return method


def alive(made: list[Any]) -> list[Any]:
    return [one for one in made if type(one.mglo).__name__ != "InvalidObject"]


def draw_all_ways(renderer: Renderer, number: int) -> None:
    """Draw a model that is never the same: whole, redrawn, and its maps."""
    move = vertex_morph("動", dict.fromkeys(range(4), (1.0 + 0.01 * number, 0.0, 0.0)))
    size = 16 + number % 7
    model = quads(
        (-5.0, -3.0, 2.0 + 0.01 * number, 6.0, 0.0),
        (-4.0, -4.0, 1.0, 1.0, -1.0),
        textures=["a.png"],
        materials=[material("甲", texture=0, flags=EDGE), material("乙", diffuse=(1.0, 1.0, 1.0, 0.5))],
        morphs=[move],
    )
    rig = build_rig(model)
    pose = Pose.rest(model, (2,))
    pose.morph_weights[1] = 1.0
    posed, base = rig.pose(pose), rig.pose(Pose.rest(model, (1,)))
    loaded = renderer.load(rig, {0: np.full((size, size, 4), 200, np.uint8)})
    renderer.bring_forward(loaded, base, VIEW)
    renderer.render(loaded, posed, VIEW)
    renderer.render_maps(loaded, posed, VIEW)
    with renderer.redraw(loaded, base, posed, VIEW) as redraw:
        redraw.render(posed)
    loaded.release()


def test_bringing_forward_touches_nothing_of_another_renderer() -> None:
    model = quads((-5.0, -3.0, 2.0, 6.0, 0.0))
    rig = build_rig(model)
    base = rig.pose(Pose.rest(model, (1,)))
    with Renderer() as one, Renderer() as other:
        mine, theirs = one.load(rig, {}), other.load(rig, {})
        picture = other.render(theirs, base, VIEW)
        one.bring_forward(mine, base, VIEW)
        assert (one.render(mine, base, VIEW) == picture).all()
        assert (other.render(theirs, base, VIEW) == picture).all()


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
