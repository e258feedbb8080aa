"""One built-in character: traits to parts, textures, model and true annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.annotate.schema import Annotation
from mmdgen.cast.accessories import accessory_parts, paint_extra
from mmdgen.cast.assemble import Placement, assemble
from mmdgen.cast.body import BodyShape, skin_parts
from mmdgen.cast.cloth_paint import paint_cloth, paint_skin, paint_trim, paint_under, trim_uv
from mmdgen.cast.clothes import clothes_parts
from mmdgen.cast.curves import Array
from mmdgen.cast.expressions import standard_expressions
from mmdgen.cast.eyes import LEFT, RIGHT, EyeShape, blush, brow, eye_white, iris_parts, lashes, lid_wall
from mmdgen.cast.face import eye_hole, face_part, mouth_hole, opening_angles
from mmdgen.cast.hair import hair_parts
from mmdgen.cast.hair_bones import bind_hair
from mmdgen.cast.head import HeadShape, ear
from mmdgen.cast.materials import standard_looks
from mmdgen.cast.mesh import Part
from mmdgen.cast.mouth import MouthShape, cavity, teeth, tongue
from mmdgen.cast.skeleton import standard_bones
from mmdgen.cast.textures import PALETTE_CELLS, paint_face, paint_hair, paint_iris, paint_palette, palette_uv
from mmdgen.cast.traits import Traits, draw_traits
from mmdgen.cast.truth import true_annotation
from mmdgen.formats import model_id, write_pmx
from mmdgen.images import Image
from mmdgen.model import Model

CHIN_HEIGHT = 15.6  # MMD units
COMMENT = "An original character made by mmdgen. Free for every use."


@dataclass(frozen=True, slots=True, eq=False)
class Character:
    """An original character, all of it made by this program."""

    traits: Traits
    model: Model
    textures: Mapping[str, Image]  # by the names in `model.textures`
    annotation: Annotation  # true by construction
    data: bytes  # the PMX file; its hash is the annotation's model id

    @property
    def name(self) -> str:
        """Name of its files, without ending."""
        return f"cast-{self.traits.seed:03d}"


def make_character(seed: int) -> Character:
    """The character with this seed: the same on every machine, different from every other seed."""
    traits = draw_traits(seed)
    shape = HeadShape(traits.face)
    placement = Placement((0.0, CHIN_HEIGHT, 0.0), traits.face.unit)
    name = f"cast-{seed:03d}"
    expressions = standard_expressions()
    hair, hair_bones = bind_hair(hair_parts(traits.hair, traits.face.width), traits.hair.back)
    bones = standard_bones(_eye_pivots(traits, shape), -CHIN_HEIGHT / traits.face.unit, 0.78)
    model = assemble(
        name,
        COMMENT,
        [_mapped(part) for part in [*_body_parts(traits, shape), *hair]],
        standard_looks(0.8 if traits.hair.translucent else 1.0),
        [*bones, *hair_bones],
        expressions,
        placement,
    )
    data = write_pmx(model)
    return Character(
        traits=traits,
        model=model,
        textures={name: image for name, image in _textures(traits, shape).items() if name in model.textures},
        annotation=true_annotation(model_id(data), traits, expressions, placement),
        data=data,
    )


def _body_parts(traits: Traits, shape: HeadShape) -> list[Part]:
    body = BodyShape()
    return [
        *skin_parts(body),
        *_face_parts(traits, shape),
        *clothes_parts(traits.outfit, body),
        *accessory_parts(traits, shape),
    ]


def _face_parts(traits: Traits, shape: HeadShape) -> list[Part]:
    eyes = [EyeShape(traits.eyes, side) for side in (LEFT, RIGHT)]
    mouth = MouthShape(traits.mouth)
    eye_holes = [eye_hole(eye.side, eye.outline, eye.motions()) for eye in eyes]
    lips = mouth_hole(mouth.outline, mouth.motions())
    parts = [face_part(shape, [*eye_holes, lips], "face")]
    for eye, hole in zip(eyes, eye_holes, strict=True):
        parts.append(_ear_with_skin(shape, eye.side))
        parts += [eye_white(shape, eye), lid_wall(shape, eye, opening_angles(hole)), *iris_parts(shape, eye)]
        parts += [*lashes(shape, eye), brow(shape, eye), blush(shape, eye)]
    parts += [cavity(shape, mouth, opening_angles(lips)), teeth(shape, mouth), tongue(shape, mouth)]
    return parts


def _ear_with_skin(shape: HeadShape, side: int) -> Part:
    part = ear(shape, side)
    light, shadow = np.array([0.5, 0.75]), np.array([0.5, 0.1])
    inside = (part.uvs[:, 1:] < 0.3).astype(np.float64)
    return replace(part, uvs=light + (shadow - light) * 0.9 * inside)


def _mapped(part: Part) -> Part:
    """The part with its texture coordinates in its own cell, where several materials share a texture."""
    if part.material in PALETTE_CELLS:
        return replace(part, uvs=palette_uv(part.material, part.uvs))
    if part.material in ("collar", "tie"):
        return replace(part, uvs=trim_uv(part.material, part.uvs))
    return part


def _eye_pivots(traits: Traits, shape: HeadShape) -> dict[int, Array]:
    """Where the eyes turn: behind the iris, as far as an eyeball's middle would be."""
    return {side: shape.point(side * traits.eyes.spacing, 1.0, lift=-0.5) for side in (LEFT, RIGHT)}


def _textures(traits: Traits, shape: HeadShape) -> dict[str, Image]:
    return {
        "face.png": paint_face(traits, shape),
        "iris.png": paint_iris(traits.eyes),
        "palette.png": paint_palette(traits),
        "skin.png": paint_skin(traits.face),
        "cloth.png": paint_cloth(traits.outfit),
        "trim.png": paint_trim(traits.outfit),
        "under.png": paint_under(traits.outfit),
        "hair.png": paint_hair(traits),
        "extra.png": paint_extra(traits),
    }
