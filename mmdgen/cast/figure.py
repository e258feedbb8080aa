"""All parts of one figure, and its painted textures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmdgen.cast.accessories import accessory_parts, paint_extra
from mmdgen.cast.body import BodyShape, skin_parts, skin_uv
from mmdgen.cast.cloth_paint import paint_cloth, paint_skin, paint_trim, paint_under, trim_uv
from mmdgen.cast.clothes import bare_skin, clothes_parts
from mmdgen.cast.eyes import LEFT, RIGHT, EyeShape, blush, brow, eye_white, iris_parts, lashes, lid_wall
from mmdgen.cast.face import eye_hole, face_part, mouth_hole, opening_angles, split_behind
from mmdgen.cast.hair import hair_parts
from mmdgen.cast.hair_bones import bind_hair
from mmdgen.cast.head import HeadShape, ear
from mmdgen.cast.mesh import Part
from mmdgen.cast.mouth import MouthShape, cavity, teeth, tongue
from mmdgen.cast.skeleton import Bone, standard_bones
from mmdgen.cast.strands import HairDome
from mmdgen.cast.textures import (
    PALETTE_CELLS,
    paint_face,
    paint_gloss,
    paint_hair,
    paint_iris,
    paint_palette,
    palette_uv,
    thin_toward_tips,
)
from mmdgen.cast.traits import HATS, Traits
from mmdgen.images import Image

_EYEBALL = 0.5  # how far behind the face an eye's bone lies, head units


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A character before it becomes a model file: parts and bones in head units."""

    parts: tuple[Part, ...]
    bones: tuple[Bone, ...]


def build_figure(traits: Traits, floor: float) -> Figure:
    """Parts and skeleton.

    Args:
        traits: the character.
        floor: y of the floor, head units.
    """
    shape = HeadShape(traits.face)
    body = BodyShape(traits.body.shoulders, traits.body.bust, traits.body.neck)
    hair, hair_bones = bind_hair(_hair_under_headgear(traits), traits.hair.back)
    parts = [
        *skin_parts(body, *bare_skin(traits.outfit)),
        *face_parts(traits, shape),
        *clothes_parts(traits.outfit, body),
        *accessory_parts(traits, shape),
        *hair,
    ]
    pivots = {side: shape.point(side * traits.eyes.spacing, 1.0, lift=-_EYEBALL) for side in (LEFT, RIGHT)}
    bones = [*standard_bones(pivots, floor, 0.78), *hair_bones]
    return Figure(tuple(_mapped(part) for part in parts), tuple(bones))


def _hair_under_headgear(traits: Traits) -> list[Part]:
    parts = hair_parts(traits.hair, traits.face.width)
    if traits.extras.headgear not in HATS:
        return parts
    dome = HairDome.over(traits.face.width, traits.hair.volume)
    return [replace(part, positions=dome.pressed(part.positions)) for part in parts]


def face_parts(traits: Traits, shape: HeadShape) -> list[Part]:
    """The head without hair."""
    eyes = [EyeShape(traits.eyes, side) for side in (LEFT, RIGHT)]
    mouth = MouthShape(traits.mouth)
    eye_holes = [eye_hole(eye.side, eye.outline, eye.motions()) for eye in eyes]
    lips = mouth_hole(mouth.outline, mouth.motions())
    front, behind = split_behind(face_part(shape, [*eye_holes, lips], "face"), shape)
    parts = [front, replace(behind, material="skin", uvs=skin_uv(behind.positions))]
    for eye, hole in zip(eyes, eye_holes, strict=True):
        parts += [eye_white(shape, eye), lid_wall(shape, eye, opening_angles(hole)), *iris_parts(shape, eye)]
        parts += [*lashes(shape, eye), brow(shape, eye), blush(shape, eye), _shaded_ear(shape, eye.side)]
    return [*parts, cavity(shape, mouth, opening_angles(lips)), teeth(shape, mouth), tongue(shape, mouth)]


def _shaded_ear(shape: HeadShape, side: int) -> Part:
    """The ear with its hollow on the dark end of the skin's texture."""
    part = ear(shape, side)
    light, dark = np.array([0.5, 0.75]), np.array([0.5, 0.16])
    return replace(part, uvs=np.where(part.uvs[:, 1:] < 0.3, dark, light))


def _mapped(part: Part) -> Part:
    """The part with its texture coordinates in its own cell, where several materials share a texture."""
    if part.material in PALETTE_CELLS:
        return replace(part, uvs=palette_uv(part.material, part.uvs))
    if part.material in ("collar", "tie"):
        return replace(part, uvs=trim_uv(part.material, part.uvs))
    return part


def paint_figure(traits: Traits) -> dict[str, Image]:
    """Every texture by its file name."""
    hair = paint_hair(traits)
    return {
        "face.png": paint_face(traits, HeadShape(traits.face)),
        "iris.png": paint_iris(traits.eyes),
        "palette.png": paint_palette(traits),
        "skin.png": paint_skin(traits.face),
        "cloth.png": paint_cloth(traits.outfit),
        "trim.png": paint_trim(traits.outfit),
        "under.png": paint_under(traits.outfit),
        "hair.png": hair,
        "fringe.png": thin_toward_tips(hair),
        "gloss.png": paint_gloss(),
        "extra.png": paint_extra(traits),
    }
