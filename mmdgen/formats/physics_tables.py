"""Rigid bodies and joints from the packed records that PMX and PMD share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.repair import Offsets, finite
from mmdgen.model import Bytes, Ints, JointTable, RigidBodyTable

Texts = tuple[str, ...]


def rigid_body_table(
    reader: BinaryReader, names: Texts, names_en: Texts, bones: Ints, tail: NDArray[Any], offsets: Offsets
) -> RigidBodyTable:
    """The rigid bodies as a table of finite numbers.

    Args:
        reader: collects the warnings.
        names: Japanese names.
        names_en: English names.
        bones: (bodies,), checked.
        tail: (bodies,) records of `RIGID_BODY_TAIL`.
        offsets: where each body begins.
    """

    def mend(name: str) -> NDArray[np.float32]:
        values = tail[name].copy()
        return finite(reader, values, name.replace("_", " "), offsets, section="rigid body")

    return RigidBodyTable(
        names=names,
        names_en=names_en,
        bones=bones,
        groups=tail["group"].copy(),
        no_collision_masks=tail["mask"].astype(np.uint16),
        shapes=tail["shape"].copy(),
        sizes=mend("size"),
        positions=mend("position"),
        rotations=mend("rotation"),
        masses=mend("mass"),
        linear_dampings=mend("linear_damping"),
        angular_dampings=mend("angular_damping"),
        restitutions=mend("restitution"),
        frictions=mend("friction"),
        modes=tail["mode"].copy(),
    )


def joint_table(
    reader: BinaryReader,
    names: Texts,
    names_en: Texts,
    kinds: Bytes,
    rigid_bodies: Ints,
    tail: NDArray[Any],
    offsets: Offsets,
) -> JointTable:
    """The joints as a table of finite numbers.

    Args:
        reader: collects the warnings.
        names: Japanese names.
        names_en: English names.
        kinds: (joints,).
        rigid_bodies: (joints, 2), checked.
        tail: (joints,) records of `JOINT_TAIL`.
        offsets: where each joint begins.
    """

    def mend(name: str) -> NDArray[np.float32]:
        values = tail[name].copy()
        return finite(reader, values, name.replace("_", " "), offsets, section="joint")

    return JointTable(
        names=names,
        names_en=names_en,
        kinds=kinds,
        rigid_bodies=rigid_bodies,
        positions=mend("position"),
        rotations=mend("rotation"),
        linear_lower=mend("linear_lower"),
        linear_upper=mend("linear_upper"),
        angular_lower=mend("angular_lower"),
        angular_upper=mend("angular_upper"),
        linear_springs=mend("linear_spring"),
        angular_springs=mend("angular_spring"),
    )
