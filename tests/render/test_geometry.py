"""Order and reach of the triangles that are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.render.crop import find_reach
from mmdgen.rig import build_rig, skin_vertices
from tests.builders import (
    MaterialSpec,
    about_z,
    bone,
    bone_morph,
    build_model,
    material,
    vertex,
    vertex_morph,
)
from tests.render.scenes import DOUBLE_SIDED, FRONT, VIEW, draw, plain, quads


@pytest.mark.parametrize("clear_first", [False, True])
def test_sorting_opaque_triangles_never_changes_what_hides_what(
    renderer: Renderer, clear_first: bool
) -> None:
    """A near half-transparent sheet, drawn before 600 opaque triangles, hides those behind it, as in MMD."""
    rng = np.random.default_rng(0)
    sheet = (-8.0, -8.0, 8.0, 0.0, -5.0)
    opaque = [(-8.0, -8.0, 8.0, 8.0, float(z)) for z in rng.permutation(300)]
    colors = [plain((0.8, 0.1, 0.1, 0.5))] + [plain((0.0, 0.4, float(z[4]) / 300, 1.0)) for z in opaque]
    order = [sheet, *opaque] if clear_first else [*opaque, sheet]
    materials = colors if clear_first else [*colors[1:], colors[0]]
    camera = replace(VIEW.camera, far=400.0)
    picture = draw(renderer, quads(*order, materials=materials), replace(VIEW, camera=camera))
    nearest = [0, int(np.floor(_srgb(0.4) * 255 + 0.05)), 0, 255]
    assert (picture[:8] == nearest).all()
    assert (picture[8:, :, 3] == (127 if clear_first else 255)).all()
    assert (picture[8:, :, 0] > 0).all()


def _srgb(linear: float) -> float:
    return float(1.055 * linear ** (1 / 2.4) - 0.055)


def stack(depths: np.ndarray) -> Model:
    """Quads of one material, each with a colour of its own through its texture coordinates."""
    vertices, faces = [], []
    for z in depths:
        first = len(vertices)
        corners = ((-8.0, 8.0), (8.0, 8.0), (8.0, -8.0), (-8.0, -8.0))
        vertices += [vertex((x, y, z), uv=(0.5, 0.1 + 0.8 * float(z) / 50.0)) for x, y in corners]
        faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
    specs = [plain((0.2, 0.3, 0.4, 1.0), texture=0)]
    return build_model(vertices=vertices, faces=faces, materials=specs, textures=["t.png"])


def test_long_opaque_run_shows_its_nearest_triangle(renderer: Renderer) -> None:
    """1,000 triangles in random depth order: their clusters are sorted, the picture is not changed."""
    depths = np.random.default_rng(3).permutation(500) / 10.0
    ramp = np.full((100, 1, 4), 255, np.uint8)
    ramp[:, 0, :3] = np.linspace(250, 0, 100)[:, None]
    picture = draw(renderer, stack(depths), textures={0: ramp})
    assert (picture == draw(renderer, stack(np.zeros(1)), textures={0: ramp})).all()


def test_what_is_brought_forward_is_drawn_first_and_no_pixel_changes(renderer: Renderer) -> None:
    """300 near squares, 300 far ones that stick out below them, and a pane of glass drawn in between."""
    near = [(-8.0, 0.0, 8.0, 8.0, 10.0 - z / 100.0) for z in range(300)]
    far = [(-8.0, -8.0, 8.0, 8.0, 40.0 - z / 100.0) for z in range(300)]
    glass = plain((0.0, 0.0, 0.5, 0.5))
    solid = [plain((0.2 + z / 1000.0, 0.3, 0.1, 1.0)) for z in range(600)]
    model = quads(
        *near[:150],
        *far,
        (-8.0, -8.0, 0.0, 8.0, 0.0),
        *near[150:],
        materials=[*solid[:450], glass, *solid[450:]],
    )
    rig = build_rig(model)
    base = rig.pose(Pose.rest(model, (1,)))
    loaded = renderer.load(rig, {})
    before = renderer.render(loaded, base, VIEW)
    renderer.bring_forward(loaded, base, VIEW)
    assert (renderer.render(loaded, base, VIEW) == before).all()
    order = loaded.surfaces.triangles.tolist()
    assert order[900:902] == [900, 901]  # the pane keeps its place
    assert order[:4] == [898, 899, 298, 299]  # the nearest far one, and only then the nearest near one
    assert order[902:904] == [1200, 1201]  # hides all the near ones
    loaded.release()


@pytest.mark.parametrize("materials", [1, 2])
def test_of_two_surfaces_in_one_plane_the_later_shows_brought_forward_or_not(
    renderer: Renderer, materials: int
) -> None:
    """As in MMD. 40 squares of each, so that the seen and the hidden ones are parted."""
    places = [(float(x), float(y)) for x in range(-8, 8, 2) for y in range(-8, 2, 2)]
    squares = [(x, y, x + 2.0, y + 2.0, 0.0) for x, y in places * 2]
    model = quads(*squares, textures=["t.png"])
    model.vertices.uvs[:] = np.repeat([(0.25, 0.5), (0.75, 0.5)], 4 * len(places), axis=0)
    lit = plain((0.5, 0.5, 0.5, 1.0), texture=0)
    specs = [replace(lit, triangles=len(model.faces) // materials)] * materials
    model = regrouped(model, *specs)
    texture = np.full((1, 2, 4), 255, np.uint8)
    texture[0, 0, 1:3] = 0  # the earlier ones are red
    rig = build_rig(model)
    base = rig.pose(Pose.rest(model, (1,)))
    loaded = renderer.load(rig, {0: texture})
    before = renderer.render(loaded, base, VIEW)[0]
    assert (before[6:, :, 1] > 100).all()
    renderer.bring_forward(loaded, base, VIEW)
    assert loaded.surfaces.triangles.tolist() == list(range(len(model.faces)))
    assert (renderer.render(loaded, base, VIEW)[0] == before).all()
    loaded.release()


def test_a_run_is_parted_only_where_both_parts_are_worth_a_call(renderer: Renderer) -> None:
    """One material: far squares that are seen between near ones, which hide as many others."""
    hidden = [(-8.0, -8.0, 0.0, 8.0, 20.0 + z / 10.0) for z in range(50)]
    seen = [(float(x), float(y), x + 1.0, y + 1.0, 30.0) for x in range(8) for y in range(-8, 8)]
    cover = [(-8.0, -8.0, 0.0, 8.0, 0.0)]
    for count, order in ((50, [True, False]), (10, [False])):
        model = quads(*hidden[:count], *seen[:count], *cover)
        one = replace(plain((0.5, 0.5, 0.5, 1.0)), triangles=len(model.faces))
        model = regrouped(model, one)
        rig = build_rig(model)
        loaded = renderer.load(rig, {})
        renderer.bring_forward(loaded, rig.pose(Pose.rest(model, (1,))), VIEW)
        assert len(loaded.surfaces.draws) == len(order)
        first = loaded.surfaces.triangles[: 2 * count + 2]
        assert (first >= 2 * count).all() == order[0]
        loaded.release()


def regrouped(model: Model, *materials: MaterialSpec) -> Model:
    """The same triangles in other materials."""
    table = model.vertices
    rows = zip(table.positions.tolist(), table.normals.tolist(), table.uvs.tolist(), strict=True)
    return build_model(
        vertices=[vertex(position, normal=normal, uv=uv) for position, normal, uv in rows],
        faces=model.faces.tolist(),
        materials=list(materials),
        textures=list(model.textures),
    )


def test_only_materials_with_spherical_skinning_pay_for_it_and_get_it(renderer: Renderer) -> None:
    """Two bent squares, one by BDEF and one by SDEF: as if drawn where `skin_vertices` puts them."""
    corners = [(-3.0, 3.0), (3.0, 3.0), (3.0, -3.0), (-3.0, -3.0)]
    halves = (("首", 0.5), ("頭", 0.5))
    flat = [vertex((x - 4.0, y, 0.0), normal=FRONT, weights=halves) for x, y in corners]
    round_ = [
        vertex(
            (x + 4.0, y, 0.0),
            normal=FRONT,
            weights=halves,
            sdef=((4.0, 0.0, 0.0), (4.0, 2.0, 0.0), (4.0, 0.0, 0.0)),
        )
        for x, y in corners
    ]
    model = build_model(
        bones=[bone("首"), bone("頭", parent="首")],
        vertices=[*flat, *round_],
        faces=[(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)],
        materials=[plain((0.5, 0.2, 0.2, 1.0), triangles=2), plain((0.2, 0.2, 0.5, 1.0), triangles=2)],
    )
    rig = build_rig(model)
    pose = Pose.rest(model, (1,))
    pose.bone_rotations[0, 1] = about_z(80)
    posed = rig.pose(pose)
    loaded = renderer.load(rig, {})
    assert [draw.run.is_linear for draw in loaded.surfaces.draws] == [True, False]
    picture = renderer.render(loaded, posed, VIEW)[0]
    positions, _ = skin_vertices(posed)
    assert np.linalg.norm(positions[0, 4] - positions[0, 5]) == pytest.approx(
        6.0, abs=1e-3
    )  # keeps its width
    assert np.linalg.norm(positions[0, 0] - positions[0, 1]) < 5.0  # shrinks as BDEF does
    unbent = build_model(
        vertices=[vertex(tuple(place), normal=FRONT) for place in positions[0].tolist()],
        faces=model.faces.tolist(),
        materials=[plain((0.5, 0.2, 0.2, 1.0), triangles=2), plain((0.2, 0.2, 0.5, 1.0), triangles=2)],
    )
    still = renderer.load(build_rig(unbent), {})
    expected = renderer.render(still, build_rig(unbent).pose(Pose.rest(unbent, (1,))), VIEW)[0]
    assert (picture == expected).mean() > 0.99
    loaded.release()
    still.release()


def test_spherical_skinning_between_bones_that_move_alike_is_linear(renderer: Renderer) -> None:
    """Hair that follows the head as a whole: the same picture by the shorter program."""
    corners = ((-3.0, 3.0), (3.0, 3.0), (3.0, -3.0), (-3.0, -3.0))
    sdef = ((0.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, -1.0, 0.0))
    model = build_model(
        bones=[bone("首"), bone("髪1", parent="首"), bone("髪2", parent="髪1")],
        vertices=[
            vertex((x, y, 0.0), normal=FRONT, weights=(("髪1", 0.3), ("髪2", 0.7)), sdef=sdef)
            for x, y in corners
        ],
        faces=[(0, 1, 2), (0, 2, 3)],
    )
    rig = build_rig(model)
    pose = Pose.rest(model, (2,))
    pose.bone_rotations[1, 0] = about_z(40)
    turned = rig.pose(pose)
    reach = find_reach(turned, VIEW)
    pose.bone_rotations[1, 2] = about_z(5)
    assert find_reach(rig.pose(pose), VIEW).bends.tolist() == [True] * 4
    assert reach.bends.tolist() == [False] * 4
    pictures = []
    for bends in (reach.bends, None):
        loaded = renderer.load(rig, {}, replace(reach, bends=bends))
        assert [draw.run.is_linear for draw in loaded.surfaces.draws] == [bends is not None]
        pictures.append(renderer.render(loaded, turned, VIEW).astype(int))
        loaded.release()
    assert pictures[0][1, ..., 3].any()
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


def test_triangles_that_never_enter_the_picture_are_left_out() -> None:
    model = build_model(
        bones=[bone("首")],
        vertices=[
            vertex(corner)
            for x, y in ((0.0, 0.0), (30.0, 0.0), (0.0, 10.0), (0.0, -30.0))
            for corner in ((x, y + 0.5, 0.0), (x + 0.5, y, 0.0), (x, y, 0.0))
        ],
    )
    pose = Pose.rest(model, (3,))
    still = find_reach(build_rig(model).pose(pose), VIEW)
    assert still.surfaces.tolist() == [True, False, False, False]
    pose.bone_rotations[1, 0], pose.bone_rotations[2, 0] = about_z(40), about_z(-90)
    turned = find_reach(build_rig(model).pose(pose), VIEW)
    assert turned.surfaces.tolist() == [True, True, True, True]


@pytest.mark.parametrize("by_bone", [False, True])
def test_what_an_expression_brings_into_the_picture_is_drawn(by_bone: bool) -> None:
    """A closed eye that is kept behind the viewer and far away, as some models keep it."""
    way = (-30.0, 0.0, 90.0)
    shut = bone_morph("閉", {"瞼": (way, (0.0, 0.0, 0.0, 1.0))})
    model = build_model(
        bones=[bone("首"), bone("瞼", parent="首")],
        vertices=[
            vertex((x + 30.0, y, -100.0), weights=(("瞼", 1.0),)) for x, y in ((0, 0.5), (0.5, 0), (0, 0))
        ],
        morphs=[shut if by_bone else vertex_morph("閉", dict.fromkeys(range(3), way))],
    )
    faces = Pose.rest(model, (2,))
    faces.morph_weights[1] = 1.0
    rig = build_rig(model)
    rest, expressions = rig.pose(Pose.rest(model, (1,))), rig.pose(faces)
    assert not find_reach(rest, VIEW).surfaces.any()
    reach = find_reach(rest, VIEW, expressions)
    assert reach.surfaces.all()
    assert reach.depth_range is not None
    assert reach.depth_range[0] < -100.0 < -10.0 < reach.depth_range[1]


def test_thick_outline_of_what_stands_outside_the_picture_is_drawn() -> None:
    model = build_model(
        vertices=[vertex((x + 10.0, y, 0.0), normal=(-1.0, 0.0, 0.1)) for x, y in ((0, 0), (0.5, 0), (0, 1))],
        materials=[material("縁", edge_size=3.0)],
    )
    rest = build_rig(model).pose(Pose.rest(model, (1,)))
    assert not find_reach(rest, VIEW).edges.any()
    assert find_reach(rest, replace(VIEW, outline_px=16.0)).edges.all()


def test_outline_that_is_pushed_inwards_may_face_away_where_its_surface_does_not() -> None:
    """An edge scale below zero: left and right change places, so the hull shows."""
    model = quads((-1.0, -1.0, 1.0, 1.0, 0.0), materials=[material("縁", edge_size=1.0)])
    model.vertices.normals[:] = np.sign(model.vertices.positions) * (1.0, 0.0, 0.0)
    rest = build_rig(model).pose(Pose.rest(model, (1,)))
    view = replace(VIEW, outline_px=16.0)
    assert not find_reach(rest, view).edges.any()
    model.vertices.edge_scales[:] = -3.0
    assert find_reach(rest, view).edges.all()


def test_depth_range_holds_all_that_can_be_seen_however_large_the_model() -> None:
    model = build_model(vertices=[vertex((x, 0.0, 4000.0 * x)) for x in (-0.5, 0.0, 0.5)])
    depth_range = find_reach(build_rig(model).pose(Pose.rest(model, (1,))), VIEW).depth_range
    assert depth_range is not None
    assert -3000.0 < depth_range[0] < -2000.0
    assert 2000.0 < depth_range[1] < 3000.0


def test_single_sided_triangles_that_never_face_the_viewer_are_left_out() -> None:
    """Five rectangles turned about Y; only their outlines' hulls show where they face away."""
    angles = (0.0, 60.0, 85.0, 100.0, 120.0, 180.0)
    vertices, faces = [], []
    for angle in np.radians(angles):
        first = len(vertices)
        across = np.array([np.cos(angle), 0.0, np.sin(angle)])
        for x, y in ((-1, 1), (1, 1), (1, -1), (-1, -1)):
            normal = (np.sin(angle), 0.0, -np.cos(angle))
            vertices.append(vertex(across * x + (0.0, y, 0.0), normal=normal))
        faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
    model = build_model(vertices=vertices, faces=faces)
    reach = find_reach(build_rig(model).pose(Pose.rest(model, (1,))), VIEW)
    assert reach.surfaces[::2].tolist() == [True, True, True, True, False, False]
    assert reach.edges[::2].tolist() == [False, False, True, True, True, True]
    both_sides = replace(model, materials=replace(model.materials, flags=np.array([DOUBLE_SIDED], np.uint8)))
    assert find_reach(build_rig(both_sides).pose(Pose.rest(model, (1,))), VIEW).surfaces.all()
