"""One built-in character: traits to figure, model and true annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmdgen.annotate.schema import Annotation
from mmdgen.cast.assemble import Placement, assemble
from mmdgen.cast.draw import draw_traits
from mmdgen.cast.expressions import standard_expressions
from mmdgen.cast.figure import build_figure, paint_figure
from mmdgen.cast.materials import standard_looks
from mmdgen.cast.traits import Traits
from mmdgen.cast.truth import true_annotation
from mmdgen.cast.wild import TAME, Wild, draw_wild, rebuilt_bones, renamed, with_sdef_neck
from mmdgen.formats import model_id, write_pmx
from mmdgen.images import Image
from mmdgen.model import Model

CHIN_HEIGHT = 15.6  # MMD units
COMMENT = "An original character made by mmdgen. Free for every use."


@dataclass(frozen=True, slots=True, eq=False)
class Character:
    """An original character, all of it made by this program."""

    traits: Traits
    wild: Wild  # how it strays from a tidy model
    model: Model
    textures: Mapping[str, Image]  # by the names in `model.textures`
    annotation: Annotation  # true by construction
    data: bytes  # the PMX file; its hash is the annotation's model id

    @property
    def name(self) -> str:
        """Name of its files, without ending."""
        return self.model.name


def make_character(seed: int, *, wild: bool = False) -> Character:
    """The character with this seed: the same on every machine, different from every other seed.

    Args:
        seed: not negative.
        wild: stray as real models do, in names, bones, weights, scale and place; the looks stay the same.
    """
    traits = draw_traits(seed)
    straying = draw_wild(seed) if wild else TAME
    unit = traits.face.unit
    x, y, z = straying.offset
    placement = Placement(
        (x * straying.scale, (y + CHIN_HEIGHT) * straying.scale, z * straying.scale), unit * straying.scale
    )
    figure = build_figure(traits, -CHIN_HEIGHT / unit)
    expressions = renamed(standard_expressions(), straying)
    model = assemble(
        f"{'wild' if wild else 'cast'}-{seed:03d}",
        COMMENT,
        figure.parts,
        standard_looks(translucent_fringe=traits.hair.translucent, glossy_hair=traits.hair.glossy),
        rebuilt_bones(figure.bones, straying),
        expressions,
        placement,
    )
    if straying.sdef_neck:
        model = with_sdef_neck(model)
    data = write_pmx(model)
    painted = paint_figure(traits)
    return Character(
        traits=traits,
        wild=straying,
        model=model,
        textures={name: painted[name] for name in model.textures},
        annotation=true_annotation(model_id(data), traits, expressions, placement, straying.notes()),
        data=data,
    )
