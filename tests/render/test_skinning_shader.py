"""The vertex shader against `skin_vertices`, vertex by vertex, through transform feedback."""

from __future__ import annotations

import moderngl
import numpy as np
import pytest

from mmdgen.model import Floats, Model, Skinning
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.render.context import make_current
from mmdgen.render.programs import complete_source
from mmdgen.render.textures import SKINNING_DEFINES
from mmdgen.rig import build_rig, skin_vertices
from tests.builders import about, bone, build_model, vertex, vertex_morph

TOLERANCE = 1e-4  # MMD units

PROBE = """
#include "skinning.glsl"
out vec3 v_position;
out vec3 v_normal;
void main() { skin(v_position, v_normal); }
"""


def shader_positions(renderer: Renderer, model: Model, pose: Pose) -> Floats:
    """Posed vertices (poses, vertices, 3) as the shaders skin them."""
    context = renderer._context
    make_current(context)
    source = complete_source(PROBE, "VERTEX_SHADER", SKINNING_DEFINES)
    program = context.program(vertex_shader=source, varyings=["v_position"])
    for unit, name in enumerate(("u_bones", "u_morphs", "u_uv_morphs", "u_sdef"), start=1):
        if name in program:
            program[name] = unit
    rig = build_rig(model)
    posed = rig.pose(pose)
    gpu_model = renderer.load(rig, {})
    gpu_model.upload(posed, slice(None))
    gpu_model.bind_tables()
    program["u_rows"] = gpu_model.table_rows
    geometry = gpu_model.geometry
    array = context.vertex_array(
        program,
        [
            (
                geometry._vertex_buffer,
                "3f4 20x 4u2 4f4 2i4 12x",
                "in_position",
                "in_bones",
                "in_weights",
                "in_kind",
            ),
            (geometry.slot_buffer, "2i4", "in_slots"),
        ],
    )
    captured = context.buffer(reserve=12 * len(geometry.vertices))
    result = np.empty((len(posed.bone_palette), len(geometry.vertices), 3), np.float32)
    for row in range(len(result)):
        program["u_pose"] = row
        array.transform(captured, mode=moderngl.POINTS, vertices=len(geometry.vertices))
        result[row] = np.frombuffer(captured.read(), np.float32).reshape(-1, 3)
    for resource in (array, program, captured):
        resource.release()
    gpu_model.release()
    return result


def bent_strip(kind: Skinning, seed: int = 1) -> tuple[Model, Pose]:
    """Random vertices of one skinning kind on four bones, under random poses."""
    rng = np.random.default_rng(seed)
    bones = [
        bone("根"),
        *(bone(f"骨{row}", position=(0.0, 2.0 * row, 0.0), parent=row - 1) for row in (1, 2, 3)),
    ]
    used = {Skinning.BDEF1: 1, Skinning.BDEF2: 2, Skinning.SDEF: 2}.get(kind, 4)
    vertices = []
    for _ in range(60):
        position = rng.uniform((-1, 0, -1), (1, 8, 1))
        weights = rng.dirichlet(np.ones(used))
        sdef = None
        if kind is Skinning.SDEF:
            y = float(position[1])
            sdef = ((0.0, y, 0.0), (0.0, y - 0.3, 0.1), (0.1, y + 0.4, 0.0))
        vertices.append(
            vertex(
                position,
                weights=list(zip(rng.permutation(4)[:used].tolist(), weights.tolist(), strict=True)),
                skinning=kind,
                sdef=sdef,
            )
        )
    model = build_model(
        bones=bones, vertices=vertices, morphs=[vertex_morph("動", {3: (0.1, 0.2, 0.3), 7: (0.0, 1.0, 0.0)})]
    )
    pose = Pose.rest(model, (5,))
    for row in range(1, 5):
        pose.morph_weights[row, 0] = rng.uniform()
        for index in range(4):
            pose.bone_rotations[row, index] = about(rng.normal(size=3), rng.uniform(-70, 70))
    return model, pose


@pytest.mark.parametrize("kind", list(Skinning))
def test_shader_puts_vertices_where_skin_vertices_does(renderer: Renderer, kind: Skinning) -> None:
    model, pose = bent_strip(kind)
    expected, _ = skin_vertices(build_rig(model).pose(pose))
    assert np.abs(shader_positions(renderer, model, pose) - expected).max() < TOLERANCE


def test_more_bones_than_a_texture_row_holds_are_found(renderer: Renderer) -> None:
    bones = [bone(f"骨{row}", position=(float(row), 0.0, 0.0)) for row in range(700)]
    model = build_model(bones=bones)
    pose = Pose.rest(model, (3,))
    pose.bone_rotations[:] = about((0, 0, 1), 30)
    expected, _ = skin_vertices(build_rig(model).pose(pose))
    assert np.abs(shader_positions(renderer, model, pose) - expected).max() < TOLERANCE
