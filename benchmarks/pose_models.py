"""How long a batch of poses takes, beside a loop over bones and poses that follows the same rules.

    python benchmarks/pose_models.py [--poses 64] [--repeats 30]

The model has 439 bones as a large character has (spine, limbs with append bones and leg IK, fingers, hair and
skirt chains), 45,000 vertices and 180 vertex morphs. Prints CPU milliseconds of a whole batch: the fastest
and the median of the repeats, and how many times as long the plain loop takes for the bones alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.rig import build_rig
from tests.builders import BoneSpec, about_x, about_y, bone, build_model, ik, vertex, vertex_morph
from tests.rig.plain_loop import PlainSkeleton

BONES = 439
VERTICES = 45_000
MORPHS, MOVED_VERTICES = 180, 400
TARGET_MS = 6.0


def chain(name: str, parent: str, count: int) -> list[BoneSpec]:
    names = [f"{name}{i}" for i in range(count)]
    return [
        bone(name, parent=above, position=(0.1 * i, -0.3 * i, 0))
        for i, (name, above) in enumerate(zip(names, [parent, *names], strict=False))
    ]


def large_skeleton() -> list[BoneSpec]:
    spine = ("全ての親", "センター", "グルーブ", "腰", "上半身", "上半身2", "首", "頭")
    bones = [bone(name, position=(0, 2 * i, 0), parent=above)
             for i, (name, above) in enumerate(zip(spine, (-1, *spine), strict=False))]  # fmt: skip
    bones.append(bone("両目", parent="頭", position=(0, 20, 0)))
    for side, x in (("左", 1.0), ("右", -1.0)):
        bones.append(bone(f"{side}目", parent="頭", append=("両目", 0.3), position=(x / 2, 16, -1)))
        arm = ["肩P", "肩", "肩C", "腕", "腕捩", "ひじ", "手捩", "手首"]
        above = "上半身2"
        for step, part in enumerate(arm):
            append = (f"{side}肩P", -1.0) if part == "肩C" else None
            bones.append(bone(side + part, parent=above, append=append, position=(x * (1 + step), 12, 0)))
            above = side + part
        for finger in range(5):
            bones += chain(f"{side}指{finger}", f"{side}手首", 4)
        leg = ["足", "ひざ", "足首"]
        above = "腰"
        for step, part in enumerate(leg):
            bones.append(bone(side + part, parent=above, position=(x, 8 - 4 * step, -0.1 * (step == 1))))
            above = side + part
        for part in leg:
            bones.append(bone(f"{side}{part}D", parent="腰", append=(side + part, 1.0), layer=2))
        bones.append(bone(f"{side}足IK", parent="全ての親", position=(x, 0, 0), layer=1,
                          ik=ik(f"{side}足首", [f"{side}ひざ", f"{side}足"])))  # fmt: skip
    strands = 0
    while len(bones) < BONES:
        parent = "頭" if strands % 2 else "腰"
        bones += chain(f"毛{strands}_", parent, min(11, BONES - len(bones)))
        strands += 1
    return bones


def large_model(rng: np.random.Generator) -> Model:
    """The benchmark's character."""
    morphs = [
        vertex_morph(f"表情{i}", {int(v): (0.0, 0.1, 0.0) for v in rng.integers(0, VERTICES, MOVED_VERTICES)})
        for i in range(MORPHS)
    ]
    corners = [vertex((0, i % 20, 0), weights=[(i % BONES, 1.0)]) for i in range(VERTICES)]
    return build_model(bones=large_skeleton(), vertices=corners, morphs=morphs)


def head_poses(model: Model, poses: int, rng: np.random.Generator) -> Pose:
    """What a THA1 data set asks for: head, neck, two eyes, mouth."""
    pose = Pose.rest(model, (poses,))
    for row in range(poses):
        pose.bone_rotations[row, model.bones.names.index("頭")] = about_y(rng.uniform(-15, 15))
        pose.bone_rotations[row, model.bones.names.index("首")] = about_x(rng.uniform(-15, 15))
    pose.morph_weights[:, :3] = rng.random((poses, 3))
    return pose


def motion_poses(model: Model, poses: int, rng: np.random.Generator) -> Pose:
    """A dance without its legs: spine, arms, fingers, six morphs."""
    pose = Pose.rest(model, (poses,))
    moving = [i for i, name in enumerate(model.bones.names) if name[0] in "上首頭両左右" and "足" not in name
              and "ひざ" not in name]  # fmt: skip
    pose.bone_rotations[:, moving, :3] = rng.normal(0, 0.2, (poses, len(moving), 3))
    pose.morph_weights[:, :6] = rng.random((poses, 6))
    return pose


def crouching_poses(model: Model, poses: int, rng: np.random.Generator) -> Pose:
    """Both legs' IK at work in every pose."""
    pose = head_poses(model, poses, rng)
    pose.bone_translations[:, model.bones.names.index("センター"), 1] = -rng.uniform(0.5, 4, poses)
    return pose


def all_turning_poses(model: Model, poses: int, rng: np.random.Generator) -> Pose:
    """Every bone of every pose turned; IK would pull at each of them, so it is off."""
    pose = Pose.rest(model, (poses,))
    pose.bone_rotations[:] = rng.normal(size=pose.bone_rotations.shape)
    return pose


def cpu_ms(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Fastest and median CPU time."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1e3)
    return min(spent), float(np.median(spent))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--poses", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    model = large_model(rng)
    rig, plain = build_rig(model), PlainSkeleton(model)
    print(f"CPU ms of {options.poses} poses of {len(model.bones)} bones and {len(model.vertices):,} vertices")
    print(f"{'':24}{'fastest':>9}{'median':>9}{'plain loop':>12}{'ratio':>8}")
    for name, make, has_ik in (
        ("head and face (THA1)", head_poses, True),
        ("motion of 80 bones", motion_poses, True),
        ("every bone turned", all_turning_poses, False),
        ("crouching, IK solved", crouching_poses, True),
    ):
        pose = make(model, options.poses, rng)
        fastest, median = cpu_ms(lambda pose=pose, has_ik=has_ik: rig.pose(pose, ik=has_ik), options.repeats)
        one, _ = cpu_ms(lambda pose=pose: plain.palette(pose.bone_rotations[0], pose.bone_translations[0]), 3)
        loop = one * options.poses
        ratio = "" if name.startswith("crouching") else f"{loop / fastest:7.0f}x"
        print(f"{name:24}{fastest:9.2f}{median:9.2f}{loop:12.0f}{ratio:>8}")
    print(f"target for the first: {TARGET_MS:g} ms")


if __name__ == "__main__":
    main()
