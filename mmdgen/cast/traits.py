"""What one character looks like: every choice that its seed makes, and nothing of how it is built."""

from __future__ import annotations

from dataclasses import dataclass

from mmdgen.cast.colors import Color

FRINGES = ("full", "swept", "parted", "hime", "wisps", "spiky", "curtain", "short", "crossed")
BACK_HAIRS = (
    "bob", "medium", "long", "short", "twin_tails", "ponytail", "braids", "curls", "spiky", "low_tails",
    "wavy", "side_tail", "buns",
)  # fmt: skip
OUTFITS = ("sailor", "blazer", "hoodie", "turtleneck", "kimono", "dress", "track", "shirt", "idol", "coat")
SHINES = ("pair", "large", "star", "bow")  # the light in an eye
MARKS = ("none", "mole by the eye", "mole by the mouth", "freckles")
HEADGEAR = (
    "none", "ribbon", "cat_ears", "rabbit_ears", "fox_ears", "horns", "beret", "headband", "headphones",
    "flower", "witch_hat", "side_ribbon", "headset", "cap", "hairpins",
)  # fmt: skip
HATS = ("beret", "cap", "witch_hat")


@dataclass(frozen=True, slots=True)
class FaceTraits:
    """The head without its features. Lengths are factors on the average face."""

    unit: float  # height of the eyes above the chin in MMD units (u)
    width: float
    jaw: float  # fullness of the lower face
    chin: float  # breadth of the chin
    nose: float
    skin: Color
    blush: float  # 0..1
    mark: str  # one of MARKS
    mark_side: int  # 1 left, -1 right


@dataclass(frozen=True, slots=True)
class EyeTraits:
    """Eyes and brows. Lengths in head units."""

    spacing: float  # x of an eye's centre
    half_width: float
    rise: float  # upper lid above the centre
    drop: float  # lower lid below the centre
    roundness: float  # 0 almond .. 1 round
    tilt: float  # outer corner above the inner one
    iris_width: float
    iris_height: float
    left: Color
    right: Color
    pupil: str  # round, tall, ring
    shine: str  # one of SHINES
    flicks: int  # single lashes at the outer corner
    lash: float  # thickness factor
    lash_color: Color
    brow_tilt: float
    brow_weight: float


@dataclass(frozen=True, slots=True)
class MouthTraits:
    """The mouth. Lengths in head units."""

    height: float  # above the chin
    half_width: float
    smile: float  # corners above the middle
    wave: float  # depth of the two arcs of a cat's mouth
    fang: bool


@dataclass(frozen=True, slots=True)
class HairTraits:
    """The hair."""

    fringe: str
    back: str
    color_name: str
    color: Color
    tip_color: Color
    parting: float  # x of the parting on the top of the head, -1..1
    length: float  # of the back hair, head units below the chin
    volume: float
    side_locks: float  # length of the locks beside the face below the chin; negative above it
    ahoge: int
    translucent: bool  # a fringe through which the brows show
    glossy: bool  # a sphere map adds light
    shape_seed: int  # for the small differences between strands


@dataclass(frozen=True, slots=True)
class BodyTraits:
    """The trunk, as factors on the average one."""

    shoulders: float
    bust: float
    neck: float


@dataclass(frozen=True, slots=True)
class OutfitTraits:
    """The clothes."""

    kind: str
    main: Color
    second: Color
    accent: Color
    pattern: str


@dataclass(frozen=True, slots=True)
class ExtraTraits:
    """What is worn on the head and face."""

    headgear: str
    color: Color
    glasses: str  # none, round, square, half


@dataclass(frozen=True, slots=True)
class Persona:
    """What the groups of traits agree on."""

    masculine: bool
    maturity: float  # -1 a child's proportions .. 1 an adult's


@dataclass(frozen=True, slots=True)
class Traits:
    """One character."""

    seed: int
    persona: Persona
    face: FaceTraits
    eyes: EyeTraits
    mouth: MouthTraits
    hair: HairTraits
    body: BodyTraits
    outfit: OutfitTraits
    extras: ExtraTraits
