"""The materials' numbers under a pose: the file's, multiplied and added to by material morphs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmdgen.model import Floats
from mmdgen.rig import PosedModel

# Columns of MaterialElements.values.
_EDGE_SIZE = 15
_BASE_COLUMNS = 16
_TEXTURE, _SPHERE, _RAMP = slice(16, 20), slice(20, 24), slice(24, 28)


@dataclass(frozen=True, slots=True, eq=False)
class PosedMaterials:
    """Colours of all materials under one pose; the numbers are the file's own, not decoded."""

    diffuse: Floats  # (materials, 4)
    specular: Floats  # (materials, 3)
    specular_powers: Floats  # (materials,)
    ambient: Floats  # (materials, 3)
    edge_colors: Floats  # (materials, 4)
    edge_sizes: Floats  # (materials,)
    texture_multiply: Floats  # (materials, 4)
    texture_add: Floats  # (materials, 4)
    sphere_multiply: Floats  # (materials, 4)
    sphere_add: Floats  # (materials, 4)
    ramp_multiply: Floats  # (materials, 4)
    ramp_add: Floats  # (materials, 4)
    has_plain_pictures: bool  # whether the six above change nothing


def posed_materials(posed: PosedModel, pose: int) -> PosedMaterials:
    """The materials under pose number `pose` of a batch (N,)."""
    materials = posed.rig.model.materials
    base = np.concatenate(
        [
            materials.diffuse,
            materials.specular,
            materials.specular_powers[:, None],
            materials.ambient,
            materials.edge_colors,
            materials.edge_sizes[:, None],
        ],
        axis=1,
    )
    multiply = np.ones((len(materials), 28), np.float32)
    add = np.zeros((len(materials), 28), np.float32)
    if posed.material_multiply is not None and posed.material_add is not None:
        multiply, add = posed.material_multiply[pose], posed.material_add[pose]
    values = base * multiply[:, :_BASE_COLUMNS] + add[:, :_BASE_COLUMNS]
    return PosedMaterials(
        diffuse=values[:, 0:4],
        specular=values[:, 4:7],
        specular_powers=values[:, 7],
        ambient=values[:, 8:11],
        edge_colors=values[:, 11:15],
        edge_sizes=values[:, _EDGE_SIZE],
        texture_multiply=multiply[:, _TEXTURE],
        texture_add=add[:, _TEXTURE],
        sphere_multiply=multiply[:, _SPHERE],
        sphere_add=add[:, _SPHERE],
        ramp_multiply=multiply[:, _RAMP],
        ramp_add=add[:, _RAMP],
        has_plain_pictures=bool(
            (multiply[:, _BASE_COLUMNS:] == 1.0).all() and (add[:, _BASE_COLUMNS:] == 0.0).all()
        ),
    )
