"""Posed vertices and bones of real models against three other programs (see posed/README.md there)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdgen.formats import read_model
from mmdgen.model import Model, Skinning
from mmdgen.pose import Pose
from mmdgen.rig import PosedModel, Rig, build_rig, skin_vertices
from mmdgen.rig.transforms import matrices_from_quaternions

pytestmark = pytest.mark.local_models

REST_TOLERANCE = 1e-5
VERTEX_TOLERANCE = 2e-5
BONE_TOLERANCE = 2e-5
MATRIX_TOLERANCE = 1e-6

MODELS = (
    "gene_light_pmx",
    "gene_light_pmd",
    "appearance_miku_pmx",
    "appearance_miku_bdef_pmx",
    "outro_miku43_pmx",
    "mei_black_pmd",
    "odd-noname0310-bone-flag-test-pmx",
    "odd-noname0310-uv-morph-test-pmx",
    "odd-noname0310-bone-hierarchy-test-pmx",
    "odd-noname0310-bone-hierarchy-test2-pmx",
    "odd-noname0310-constraint-test-pmx",
    "odd-noname0310-constraint-test2-pmx",
    "odd-noname0310-constraint-test3-pmx",
    "odd-noname0310-constraint-test4-pmx",
    "odd-yohawing-test-append-bone-pmx",
    "odd-yohawing-test-fix-axis-pmx",
    "odd-yohawing-test-given-bone-comprehensive-pmx",
    "odd-yohawing-test-vertex-morph-pmx",
    "odd-yohawing-bdef1-single-bone-quad-pmx",
    "odd-yohawing-bdef2-two-bone-strip-pmx",
    "odd-yohawing-bdef4-twist-cylinder-pmx",
    "odd-yohawing-mixed-deform-types-pmx",
    "odd-yohawing-qdef-twist-cylinder-pmx",
    "odd-yohawing-sdef-two-bone-elbow-pmx",
)


@dataclass(frozen=True)
class Truth:
    """One model with all its poses as one batch."""

    rig: Rig
    posed: PosedModel
    pose_names: tuple[str, ...]
    arrays: dict[str, NDArray[Any]]

    def stacked(self, column: str) -> NDArray[Any]:
        return np.stack([self.arrays[f"{name}/{column}"] for name in self.pose_names])


@pytest.fixture(scope="module", params=MODELS)
def truth(request: pytest.FixtureRequest, shared_dir: Path) -> Truth:
    folder = shared_dir / "models" / "posed"
    entry = json.loads((folder / "poses.json").read_text(encoding="utf-8"))["models"][request.param]
    model = read_model(shared_dir / "models" / entry["file"])
    with np.load(folder / f"{request.param}.npz") as stored:
        arrays = dict(stored)
    rig = build_rig(model)
    posed = rig.pose(_pose(model, entry["poses"]))
    return Truth(rig, posed, tuple(pose["name"] for pose in entry["poses"]), arrays)


def _pose(model: Model, poses: list[dict[str, Any]]) -> Pose:
    pose = Pose.rest(model, (len(poses),))
    for row, wanted in enumerate(poses):
        for turned in wanted["bones"]:
            assert model.bones.names[turned["index"]] == turned["bone"]
            pose.bone_rotations[row, turned["index"]] = turned["quaternion"]
            pose.bone_translations[row, turned["index"]] = turned.get("translation", (0, 0, 0))
        for moved in wanted["morphs"]:
            assert model.morphs.names[moved["index"]] == moved["name"]
            pose.morph_weights[row, moved["index"]] = moved["weight"]
    return pose


def test_rest_pose_gives_the_positions_of_the_file(truth: Truth) -> None:
    positions, _ = skin_vertices(truth.posed)
    rest = truth.rig.model.vertices.positions
    assert np.abs(positions[truth.pose_names.index("P0")] - rest).max(initial=0.0) <= REST_TOLERANCE


def test_vertices_are_where_other_programs_put_them(truth: Truth) -> None:
    positions, _ = skin_vertices(truth.posed)
    index = truth.arrays["index"]
    distance = np.linalg.norm(positions[:, index] - truth.stacked("vertices"), axis=-1)
    worst = np.unravel_index(distance.argmax(), distance.shape) if distance.size else None
    # one tolerance for all: the wider stored ones say where the other programs disagree
    assert (distance <= VERTEX_TOLERANCE).all(), (
        f"pose {truth.pose_names[worst[0]]}, vertex {index[worst[1]]} "
        f"({Skinning(truth.rig.skinning[index[worst[1]]]).name}) is {distance[worst]:.2e} away"
    )


def test_bones_are_where_other_programs_put_them(truth: Truth) -> None:
    gap = np.abs(truth.posed.bone_positions - truth.stacked("bone_positions"))
    assert gap.max() <= BONE_TOLERANCE


def test_bone_rotations_are_those_of_other_programs(truth: Truth) -> None:
    stored = matrices_from_quaternions(truth.stacked("bone_rotations").astype(np.float64))
    gap = np.abs(truth.posed.bone_palette[..., :3, :3] - stored)
    assert gap.max() <= MATRIX_TOLERANCE
