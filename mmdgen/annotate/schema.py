"""What an annotation says, and where each word of it comes from.

An annotation tells where the head of one model is and which of its morphs play which roles. Models are known
by the hash of their file's content, so that moved and renamed folders keep their annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mmdgen.errors import AnnotationError
from mmdgen.model import NO_INDEX

SCHEMA_VERSION = 1
REVIEW_BELOW = 0.5  # a person should look at a field whose confidence is lower


class Origin(StrEnum):
    """Who said it. A person's word is never overwritten by the machine's."""

    AUTO = "auto"
    HUMAN = "human"


class Half(StrEnum):
    """The character's own side; LEFT is x > 0."""

    LEFT = "left"
    RIGHT = "right"


class Side(StrEnum):
    """Which side of the face a role is about: the character's own left or right, or both at once."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"
    MIDDLE = "middle"  # features that have no sides, as the mouth's vowels


class Feature(StrEnum):
    """What moves in a face, without its side. Names are the later articles' parameter names."""

    EYEBROW_TROUBLED = "eyebrow_troubled"
    EYEBROW_ANGRY = "eyebrow_angry"
    EYEBROW_LOWERED = "eyebrow_lowered"
    EYEBROW_RAISED = "eyebrow_raised"
    EYEBROW_HAPPY = "eyebrow_happy"
    EYEBROW_SERIOUS = "eyebrow_serious"
    EYE_WINK = "eye_wink"
    EYE_HAPPY_WINK = "eye_happy_wink"
    EYE_SURPRISED = "eye_surprised"
    EYE_RELAXED = "eye_relaxed"
    EYE_UNIMPRESSED = "eye_unimpressed"
    EYE_RAISED_LOWER_EYELID = "eye_raised_lower_eyelid"
    IRIS_SMALL = "iris_small"
    MOUTH_AAA = "mouth_aaa"
    MOUTH_III = "mouth_iii"
    MOUTH_UUU = "mouth_uuu"
    MOUTH_EEE = "mouth_eee"
    MOUTH_OOO = "mouth_ooo"
    MOUTH_DELTA = "mouth_delta"
    MOUTH_LOWERED_CORNER = "mouth_lowered_corner"
    MOUTH_RAISED_CORNER = "mouth_raised_corner"
    MOUTH_SMIRK = "mouth_smirk"

    @property
    def has_sides(self) -> bool:
        """Whether left and right are separate parameters."""
        return not self.value.startswith("mouth") or self.value.endswith("corner")


class Role(StrEnum):
    """What a morph means to us: a feature and its side."""

    EYEBROW_TROUBLED_BOTH = "eyebrow_troubled_both"
    EYEBROW_TROUBLED_LEFT = "eyebrow_troubled_left"
    EYEBROW_TROUBLED_RIGHT = "eyebrow_troubled_right"
    EYEBROW_ANGRY_BOTH = "eyebrow_angry_both"
    EYEBROW_ANGRY_LEFT = "eyebrow_angry_left"
    EYEBROW_ANGRY_RIGHT = "eyebrow_angry_right"
    EYEBROW_LOWERED_BOTH = "eyebrow_lowered_both"
    EYEBROW_LOWERED_LEFT = "eyebrow_lowered_left"
    EYEBROW_LOWERED_RIGHT = "eyebrow_lowered_right"
    EYEBROW_RAISED_BOTH = "eyebrow_raised_both"
    EYEBROW_RAISED_LEFT = "eyebrow_raised_left"
    EYEBROW_RAISED_RIGHT = "eyebrow_raised_right"
    EYEBROW_HAPPY_BOTH = "eyebrow_happy_both"
    EYEBROW_HAPPY_LEFT = "eyebrow_happy_left"
    EYEBROW_HAPPY_RIGHT = "eyebrow_happy_right"
    EYEBROW_SERIOUS_BOTH = "eyebrow_serious_both"
    EYEBROW_SERIOUS_LEFT = "eyebrow_serious_left"
    EYEBROW_SERIOUS_RIGHT = "eyebrow_serious_right"
    EYE_WINK_BOTH = "eye_wink_both"
    EYE_WINK_LEFT = "eye_wink_left"
    EYE_WINK_RIGHT = "eye_wink_right"
    EYE_HAPPY_WINK_BOTH = "eye_happy_wink_both"
    EYE_HAPPY_WINK_LEFT = "eye_happy_wink_left"
    EYE_HAPPY_WINK_RIGHT = "eye_happy_wink_right"
    EYE_SURPRISED_BOTH = "eye_surprised_both"
    EYE_SURPRISED_LEFT = "eye_surprised_left"
    EYE_SURPRISED_RIGHT = "eye_surprised_right"
    EYE_RELAXED_BOTH = "eye_relaxed_both"
    EYE_RELAXED_LEFT = "eye_relaxed_left"
    EYE_RELAXED_RIGHT = "eye_relaxed_right"
    EYE_UNIMPRESSED_BOTH = "eye_unimpressed_both"
    EYE_UNIMPRESSED_LEFT = "eye_unimpressed_left"
    EYE_UNIMPRESSED_RIGHT = "eye_unimpressed_right"
    EYE_RAISED_LOWER_EYELID_BOTH = "eye_raised_lower_eyelid_both"
    EYE_RAISED_LOWER_EYELID_LEFT = "eye_raised_lower_eyelid_left"
    EYE_RAISED_LOWER_EYELID_RIGHT = "eye_raised_lower_eyelid_right"
    IRIS_SMALL_BOTH = "iris_small_both"
    IRIS_SMALL_LEFT = "iris_small_left"
    IRIS_SMALL_RIGHT = "iris_small_right"
    MOUTH_AAA = "mouth_aaa"
    MOUTH_III = "mouth_iii"
    MOUTH_UUU = "mouth_uuu"
    MOUTH_EEE = "mouth_eee"
    MOUTH_OOO = "mouth_ooo"
    MOUTH_DELTA = "mouth_delta"
    MOUTH_LOWERED_CORNER_BOTH = "mouth_lowered_corner_both"
    MOUTH_LOWERED_CORNER_LEFT = "mouth_lowered_corner_left"
    MOUTH_LOWERED_CORNER_RIGHT = "mouth_lowered_corner_right"
    MOUTH_RAISED_CORNER_BOTH = "mouth_raised_corner_both"
    MOUTH_RAISED_CORNER_LEFT = "mouth_raised_corner_left"
    MOUTH_RAISED_CORNER_RIGHT = "mouth_raised_corner_right"
    MOUTH_SMIRK = "mouth_smirk"

    @staticmethod
    def of(feature: Feature, side: Side) -> Role:
        """The role of a feature on a side. Features without sides take `Side.MIDDLE`."""
        return Role(feature.value if side is Side.MIDDLE else f"{feature.value}_{side.value}")

    @property
    def side(self) -> Side:
        """The side that this role is about."""
        stem, _, last = self.value.rpartition("_")
        return Side(last) if stem and last in ("both", "left", "right") else Side.MIDDLE

    @property
    def feature(self) -> Feature:
        """What moves, without the side."""
        return Feature(self.value if self.side is Side.MIDDLE else self.value.rpartition("_")[0])


# The morph parameters of the later networks in their order: the first 37 of their 45 (42) numbers.
# Parameters 37 and 38 turn the eye bones, 39 to 44 head, neck, body and breathing: no morph plays those.
MORPH_PARAMETERS: tuple[Role, ...] = tuple(
    Role.of(feature, side)
    for feature in Feature
    for side in ((Side.LEFT, Side.RIGHT) if feature.has_sides else (Side.MIDDLE,))
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a value comes from."""

    origin: Origin
    method: str  # how it was found, or "confirmed" / "dragged" / "chosen" by a person
    confidence: float = 1.0  # 0..1; below REVIEW_BELOW a person should look
    reasons: tuple[str, ...] = ()  # why the confidence is not 1, in words
    by: str = ""  # the person, or the version of the automatic annotator
    when: str = ""  # ISO 8601, for a person's word

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise AnnotationError(f"confidence {self.confidence} is outside 0..1")

    @property
    def needs_person(self) -> bool:
        """Whether the machine is too unsure of this to go on without a person's look."""
        return self.origin is Origin.AUTO and self.confidence < REVIEW_BELOW


@dataclass(frozen=True, slots=True)
class HeadBounds:
    """The head in the rest pose, MMD units: chin tip, top of the skull with flat hair, middle."""

    bottom: float
    top: float
    center_x: float
    provenance: Provenance

    def __post_init__(self) -> None:
        if not self.top > self.bottom:
            raise AnnotationError(f"the head's top {self.top:g} is not above its bottom {self.bottom:g}")


@dataclass(frozen=True, slots=True)
class EyeCenters:
    """The middles of the open eyes in the front view, (x, y) in MMD units."""

    left: tuple[float, float]  # the character's left, x > head centre
    right: tuple[float, float]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class MorphChoice:
    """The morph that plays a role, whole or only the half of it on one side of the face.

    A person may also say that no morph plays the role: then `morph` is NO_INDEX and `name` empty.
    """

    morph: int  # file index
    name: str  # raw name, to check the index against
    half: Half | None
    provenance: Provenance

    @property
    def is_absent(self) -> bool:
        """Whether this says that the model has no morph for the role."""
        return self.morph == NO_INDEX


class ClosedShape(StrEnum):
    """How a closed eye looks."""

    NORMAL = "normal"  # the lid line curves downward, as in まばたき
    SMILE = "smile"  # it curves upward, as in 笑い
    OTHER = "other"  # closed in another way, as なごみ (flat) or はぅ (><)
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class ClosingMorph:
    """A morph that was measured to close an eye: the candidates for the eye roles, with the measurements.

    Ratios are of visible iris pixels with the morph at 1 to those at 0, per eye. `likeness_*` are cosines
    of its displacements with the model's normal and smiling both-eye morphs over the eyes that it closes.
    """

    morph: int
    name: str
    side: Side
    shape: ClosedShape
    iris_left: float | None  # None where no iris could be looked at
    iris_right: float | None
    likeness_normal: float
    likeness_smile: float
    curvature: float  # of the closed lid line, negative arches upward (a smile)
    lower_lid_ratio: float  # largest motion upward to largest motion downward


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's word on the model as a whole."""

    is_usable: bool
    reason: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Annotation:
    """Head bounds and morph roles of one model."""

    model_id: str
    head: HeadBounds
    roles: Mapping[Role, MorphChoice] = field(default_factory=dict)
    eyes: EyeCenters | None = None
    closing_morphs: tuple[ClosingMorph, ...] = ()
    warnings: tuple[str, ...] = ()  # what was noticed about the model and concerns no single field
    verdict: Verdict | None = None
    revision: int = 0  # how often it was stored; tells two editors of one model apart
