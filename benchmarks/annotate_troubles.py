"""What real models put in the annotator's way, done to a model whose true annotation is known.

Each trouble takes a model and its true annotation and gives both back changed, so that it can be judged what
the annotator still finds, and whether it says so where it does not:

    python benchmarks/annotate_accuracy.py --count 20 --trouble all
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.displacement import resolve_displacements
from mmdgen.annotate.face import Face, find_face
from mmdgen.annotate.schema import Annotation, EyeCenters, HeadBounds, Role
from mmdgen.model import (
    Bools,
    Floats,
    GroupElements,
    MaterialTable,
    Model,
    MorphKind,
    VertexElements,
)

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A model and its true annotation."""

    model: Model
    truth: Annotation
    nothing_is_right: bool = False  # every sure proposal is a fault
    not_judged: tuple[str, ...] = ()  # fields (their first letters) that the trouble leaves without a truth

    @property
    def unit(self) -> float:
        """Eyes above chin."""
        assert self.truth.eyes is not None
        return (self.truth.eyes.left[1] + self.truth.eyes.right[1]) / 2 - self.truth.head.bottom

    def face(self) -> Face:
        """The parts of the face before the trouble."""
        return find_face(self.model, resolve_displacements(self.model))

    def rng(self) -> np.random.Generator:
        """Differs from model to model, the same in every run."""
        return np.random.default_rng(zlib.crc32(self.model.name.encode()))


def named(case: Case, names: tuple[str, ...], *, panels: bool = True) -> Case:
    """The case with other morph names; English names go."""
    morphs = case.model.morphs
    table = replace(morphs, names=names, names_en=("",) * len(names))
    if not panels:
        table = replace(table, panels=np.full_like(morphs.panels, 4))
    roles = {role: replace(choice, name=names[choice.morph]) for role, choice in case.truth.roles.items()}
    return replace(case, model=replace(case.model, morphs=table), truth=replace(case.truth, roles=roles))


def hidden_names(case: Case) -> Case:
    """Numbers for the names of morphs and materials, and no panels."""
    count = len(case.model.materials)
    materials = replace(
        case.model.materials, names=tuple(f"#{i}" for i in range(count)), names_en=("",) * count
    )
    case = replace(case, model=replace(case.model, materials=materials))
    return named(case, tuple(f"#{index}" for index in range(len(case.model.morphs))), panels=False)


def foreign_names(case: Case) -> Case:
    """Names in scripts that no table knows."""
    letters = "가나다라마바사아자차카타파하กขคงจฉชซдежзийклмנסעפצק"
    rng = case.rng()
    return named(case, tuple("".join(rng.choice(list(letters), 5)) for _ in case.model.morphs.names))


def shuffled_names(case: Case) -> Case:
    """Every name on another morph of its panel: names that lie."""
    rng, morphs = case.rng(), case.model.morphs
    names = list(morphs.names)
    for panel in np.unique(morphs.panels):
        members = np.flatnonzero(morphs.panels == panel)
        for index, other in zip(members, rng.permutation(members), strict=True):
            names[index] = morphs.names[other]
    return named(case, tuple(names))


def swapped_sides(case: Case) -> Case:
    """Left and right exchanged in all names, as in models that speak of the viewer's side."""
    words = str.maketrans("左右LR", "右左RL")
    return named(case, tuple(name.translate(words) for name in case.model.morphs.names))


def blink_and_smile_swapped(case: Case) -> Case:
    """まばたき and 笑い under each other's name."""
    other = {"まばたき": "笑い", "笑い": "まばたき"}
    return named(case, tuple(other.get(name, name) for name in case.model.morphs.names))


def scaled(case: Case, factor: float, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Case:
    """A model in other units, elsewhere."""
    model, truth, move = case.model, case.truth, np.array(shift)
    assert truth.eyes is not None
    elements = tuple(
        VertexElements(e.vertices, e.offsets * np.float32(factor)) if isinstance(e, VertexElements) else e
        for e in model.morphs.elements
    )
    head = truth.head
    eyes = [tuple(float(v) for v in np.array(eye) * factor + move[:2]) for eye in _pair(truth.eyes)]
    return replace(
        case,
        model=replace(
            _at(model, (model.vertices.positions * factor + move).astype(np.float32)),
            bones=replace(
                model.bones,
                rest_positions=(model.bones.rest_positions * factor + move).astype(np.float32),
            ),
            morphs=replace(model.morphs, elements=elements),
        ),
        truth=replace(
            truth,
            head=replace(
                head,
                bottom=head.bottom * factor + shift[1],
                top=head.top * factor + shift[1],
                center_x=head.center_x * factor + shift[0],
            ),
            eyes=EyeCenters(eyes[0], eyes[1], truth.eyes.provenance),  # type: ignore[arg-type]
        ),
    )


def weak_morphs(case: Case) -> Case:
    """Morphs at a tenth of their strength: no weight of 1 closes an eye."""
    elements = tuple(
        VertexElements(e.vertices, e.offsets * np.float32(0.1)) if isinstance(e, VertexElements) else e
        for e in case.model.morphs.elements
    )
    model = replace(case.model, morphs=replace(case.model.morphs, elements=elements))
    keep = {role: c for role, c in case.truth.roles.items() if not role.value.startswith(("eye_", "mouth"))}
    return replace(case, model=model, truth=replace(case.truth, roles=keep))


def no_morphs(case: Case) -> Case:
    """A model without any morph."""
    morphs = case.model.morphs
    none = replace(
        morphs, names=(), names_en=(), panels=morphs.panels[:0], kinds=morphs.kinds[:0], elements=()
    )
    return replace(case, model=replace(case.model, morphs=none), truth=replace(case.truth, roles={}))


def only_groups(case: Case) -> Case:
    """Every slider is a group of nameless parts that do the work, as in some modern models."""
    morphs, count = case.model.morphs, len(case.model.morphs)
    shifted = tuple(
        GroupElements(e.morphs + np.int32(count), e.ratios) if isinstance(e, GroupElements) else e
        for e in morphs.elements
    )
    groups = tuple(
        GroupElements(np.array([count + i], np.int32), np.ones(1, np.float32)) for i in range(count)
    )
    table = replace(
        morphs,
        names=(*morphs.names, *(f"part{i}" for i in range(count))),
        names_en=(*morphs.names_en, *("" for _ in range(count))),
        panels=np.concatenate([morphs.panels, np.zeros_like(morphs.panels)]),
        kinds=np.concatenate([np.full_like(morphs.kinds, MorphKind.GROUP), morphs.kinds]),
        elements=(*groups, *shifted),
    )
    return replace(case, model=replace(case.model, morphs=table))


def irises_off_their_bones(case: Case) -> Case:
    """The irises follow the head bone: there is nothing to look at behind the lids."""
    face = case.face()
    vertices = case.model.vertices
    indices = vertices.bone_indices.copy()
    indices[face.iris_vertices] = face.bones.head
    return replace(case, model=replace(case.model, vertices=replace(vertices, bone_indices=indices)))


def no_eye_bones(case: Case) -> Case:
    """Eye bones under names that nobody knows."""
    bones = case.model.bones
    blank = {case.face().bones.left_eye, case.face().bones.right_eye, case.face().bones.both_eyes}
    names = tuple(f"骨{i}" if i in blank else name for i, name in enumerate(bones.names))
    english = tuple("" if i in blank else name for i, name in enumerate(bones.names_en))
    return replace(case, model=replace(case.model, bones=replace(bones, names=names, names_en=english)))


def painted_eyes(case: Case) -> Case:
    """Eyes painted on the face, closed by planes that come out of the head, as in models of few polygons."""
    face, unit = case.face(), case.unit
    model = _without_triangles(case.model, face.triangles_of(face.iris_vertices))
    front = float(face.positions[face.displacements[_blink(case)].vertices, 2].min())
    planes = []
    for eye in (face.eyes.left, face.eyes.right):
        x, y = eye
        planes.append(_plane(x - 0.3 * unit, x + 0.3 * unit, y - 0.25 * unit, y + 0.25 * unit, front + unit))
    first = len(model.vertices)
    model = with_mesh(model, np.concatenate(planes), face.bones.head, "閉じ目")
    count = len(model.vertices) - first
    offsets = np.tile(np.array([0.0, 0.0, -1.1 * unit], np.float32), (count, 1))
    new = VertexElements(np.arange(first, first + count, dtype=np.int32), offsets)
    elements = list(model.morphs.elements)
    elements[_blink(case)] = new
    keep = {
        role: choice
        for role, choice in case.truth.roles.items()
        if role.value.startswith(("eyebrow", "mouth")) or choice.morph == _blink(case)
    }
    model = replace(model, morphs=replace(model.morphs, elements=tuple(elements)))
    unclear = ("eye_happy", "eye_surprised", "eye_relaxed", "eye_unimpressed", "iris")
    return replace(case, model=model, truth=replace(case.truth, roles=keep), not_judged=unclear)


def closed_at_rest(case: Case) -> Case:
    """Eyes that are closed in the rest pose: the blink finds nothing to close."""
    positions = case.model.vertices.positions.copy()
    moved = resolve_displacements(case.model)[_blink(case)]
    positions[moved.vertices] += moved.offsets
    keep = {role: c for role, c in case.truth.roles.items() if not role.value.startswith("eye_")}
    unclear = ("eye_surprised", "eye_relaxed", "eye_unimpressed")
    return replace(
        case, model=_at(case.model, positions), truth=replace(case.truth, roles=keep), not_judged=unclear
    )


def one_eyed(case: Case) -> Case:
    """An eye patch: the closing morphs move the left eye only."""
    x = case.model.vertices.positions[:, 0] - case.truth.head.center_x
    elements = list(case.model.morphs.elements)
    for role, choice in case.truth.roles.items():
        part = elements[choice.morph]
        if role.value.startswith(("eye_", "iris")) and isinstance(part, VertexElements):
            keep = x[part.vertices] > 0
            elements[choice.morph] = VertexElements(part.vertices[keep], part.offsets[keep])
    roles = {}
    for role, choice in case.truth.roles.items():
        if not role.value.startswith(("eye_", "iris")):
            roles[role] = choice
        elif role.value.endswith("_both"):
            roles[Role(role.value.replace("_both", "_left"))] = choice
    model = replace(case.model, morphs=replace(case.model.morphs, elements=tuple(elements)))
    return replace(case, model=model, truth=replace(case.truth, roles=roles))


def brows_with_blink(case: Case) -> Case:
    """まばたき連動: the brows come down with the lids. The halves, brows and all, are the true winks then."""
    brow = case.truth.roles.get(Role.EYEBROW_LOWERED_BOTH)
    elements, index = list(case.model.morphs.elements), _blink(case)
    first = elements[index]
    second = None if brow is None else elements[brow.morph]
    if not isinstance(first, VertexElements) or not isinstance(second, VertexElements):
        return case
    elements[index] = VertexElements(
        np.concatenate([first.vertices, second.vertices]), np.concatenate([first.offsets, second.offsets])
    )
    halved = (Role.EYE_WINK_LEFT, Role.EYE_WINK_RIGHT)
    roles = {role: choice for role, choice in case.truth.roles.items() if role not in halved}
    model = replace(case.model, morphs=replace(case.model.morphs, elements=tuple(elements)))
    return replace(case, model=model, truth=replace(case.truth, roles=roles))


def glasses(case: Case) -> Case:
    """Opaque glasses before the eyes."""
    face, unit = case.face(), case.unit
    z = float(face.positions[face.head_vertices & _near_eyes(face, unit), 2].min()) - 0.05 * unit
    planes = [
        _plane(x - 0.32 * unit, x + 0.32 * unit, y - 0.25 * unit, y + 0.25 * unit, z)
        for x, y in (face.eyes.left, face.eyes.right)
    ]
    return replace(case, model=with_mesh(case.model, np.concatenate(planes), face.bones.head, "眼鏡"))


def mask(case: Case) -> Case:
    """A cloth before mouth and chin."""
    face, unit = case.face(), case.unit
    chin, middle = case.truth.head.bottom, case.truth.head.center_x
    front = float(face.positions[face.head_vertices, 2].min())
    rows = [
        (chin + 0.55 * unit, front - 0.02 * unit),
        (chin + 0.1 * unit, front - 0.08 * unit),
        (chin - 0.12 * unit, front + 0.15 * unit),
    ]
    grid = np.array([[(middle + x * unit, y, z) for x in np.linspace(-0.5, 0.5, 5)] for y, z in rows])
    return replace(case, model=with_mesh(case.model, _quads(grid), face.bones.head, "マスク"))


def hat(case: Case, *, height: float, material: str) -> Case:
    """A cylinder on the head, `height` u above its top; "" puts it into the hair's material."""
    face, unit, head = case.face(), case.unit, case.truth.head
    z = float(face.head_position[2])
    around = np.linspace(0, 2 * np.pi, 25)
    levels = [head.top - 0.6 * unit, head.top + height * unit]
    ring = np.array(
        [
            [(head.center_x + 0.8 * unit * np.cos(a), y, z + 0.8 * unit * np.sin(a)) for a in around]
            for y in levels
        ]
    )
    lid = np.array([[(head.center_x, levels[1], z)] * len(around), ring[1]])
    triangles = np.concatenate([_quads(ring), _quads(lid)])
    return replace(case, model=with_mesh(case.model, triangles, face.bones.head, material or _hair(case)))


def animal_ears(case: Case) -> Case:
    """Pointed ears on both sides of the crown, in the hair's material."""
    return _ears(case, at=(-0.6, 0.6), width=0.3, height=0.7)


def horn(case: Case) -> Case:
    """A horn as wide as a fist on the middle of the head."""
    return _ears(case, at=(0.0,), width=0.3, height=0.9)


def ribbon(case: Case) -> Case:
    """A big ribbon on the crown."""
    face, unit, head = case.face(), case.unit, case.truth.head
    x, y, z = head.center_x, head.top - 0.1 * unit, float(face.head_position[2])
    grid = np.array(
        [
            [
                (x - 0.9 * unit, y + 0.7 * unit, z),
                (x, y + 0.15 * unit, z),
                (x + 0.9 * unit, y + 0.7 * unit, z),
            ],
            [(x - 0.9 * unit, y, z), (x, y - 0.1 * unit, z), (x + 0.9 * unit, y, z)],
        ]
    )
    return replace(case, model=with_mesh(case.model, _quads(grid), face.bones.head, "リボン"))


def chibi(case: Case) -> Case:
    """A wide, low head with its eyes low in the face."""
    face, head, unit = case.face(), case.truth.head, case.unit

    def bend(points: Points) -> Points:
        x, y = points[:, 0] - head.center_x, (points[:, 1] - head.bottom) / unit
        low = np.clip(y, 0.0, 1.0)
        wide = 1.0 + 0.35 * np.clip((y + 0.3) / 0.6, 0.0, 1.0)
        return np.stack([head.center_x + x * wide, points[:, 1] - 0.25 * unit * low, points[:, 2]], axis=1)

    positions = case.model.vertices.positions.astype(np.float64)
    new = positions.copy()
    new[face.head_vertices] = bend(positions[face.head_vertices])
    return _bent(case, new, bend)


def bald(case: Case) -> Case:
    """No hair over the face's own mesh."""
    hair = np.array(["髪" in name for name in case.model.materials.names], np.bool_)
    if not hair.any():
        return case
    materials = np.repeat(np.arange(len(hair)), case.model.materials.face_index_counts // 3)
    return replace(case, model=_without_triangles(case.model, hair[materials]), not_judged=("top",))


def back_to_front(case: Case) -> Case:
    """A model that looks the other way."""
    turn = np.array([-1.0, 1.0, -1.0])
    turned = scaled_axes(case.model, turn)
    return replace(case, model=turned, truth=replace(case.truth, roles={}), nothing_is_right=True)


def scaled_axes(model: Model, factors: Points) -> Model:
    """The model with every axis times its factor."""
    elements = tuple(
        VertexElements(e.vertices, (e.offsets * factors).astype(np.float32))
        if isinstance(e, VertexElements)
        else e
        for e in model.morphs.elements
    )
    return replace(
        _at(model, (model.vertices.positions * factors).astype(np.float32)),
        bones=replace(model.bones, rest_positions=(model.bones.rest_positions * factors).astype(np.float32)),
        morphs=replace(model.morphs, elements=elements),
    )


TROUBLES: Mapping[str, Callable[[Case], Case]] = {
    "none": lambda case: case,
    "hidden names": hidden_names,
    "foreign names": foreign_names,
    "shuffled names": shuffled_names,
    "swapped sides": swapped_sides,
    "blink and smile swapped": blink_and_smile_swapped,
    "ten times as large": lambda case: scaled(case, 10.0),
    "in metres, elsewhere": lambda case: scaled(case, 0.08, (0.3, -0.2, 0.1)),
    "weak morphs": weak_morphs,
    "no morphs": no_morphs,
    "only groups": only_groups,
    "irises off their bones": irises_off_their_bones,
    "no eye bones": no_eye_bones,
    "no eye bones, hidden names": lambda case: hidden_names(no_eye_bones(case)),
    "painted eyes": painted_eyes,
    "closed at rest": closed_at_rest,
    "one-eyed": one_eyed,
    "brows move with the blink": brows_with_blink,
    "glasses": glasses,
    "mask": mask,
    "hat of 0.3 u": lambda case: hat(case, height=0.3, material="帽子"),
    "hat of 0.3 u, unnamed": lambda case: hat(case, height=0.3, material="材質9"),
    "hat of 0.6 u in the hair": lambda case: hat(case, height=0.6, material=""),
    "hat of 0.25 u in the hair": lambda case: hat(case, height=0.25, material=""),
    "animal ears": animal_ears,
    "horn": horn,
    "ribbon": ribbon,
    "chibi": chibi,
    "bald": bald,
    "back to front": back_to_front,
}


def with_mesh(model: Model, triangles: Points, bone: int, material: str) -> Model:
    """The model with triangles (n, 3, 3) more on one bone; the last material of that name takes them."""
    vertices, count = model.vertices, len(triangles) * 3
    first = len(vertices)

    def padded(values: NDArray[np.generic], fill: float) -> NDArray[np.generic]:
        return np.concatenate([values, np.full((count, *values.shape[1:]), fill, values.dtype)])

    indices = np.full((count, 4), -1, np.int32)
    indices[:, 0] = bone
    weights = np.zeros((count, 4), np.float32)
    weights[:, 0] = 1.0
    table = replace(
        vertices,
        positions=np.concatenate([vertices.positions, triangles.reshape(-1, 3).astype(np.float32)]),
        normals=padded(vertices.normals, 0.0),
        uvs=padded(vertices.uvs, 0.0),
        additional_uvs=padded(vertices.additional_uvs, 0.0),
        skinning=padded(vertices.skinning, 0),
        bone_indices=np.concatenate([vertices.bone_indices, indices]),
        bone_weights=np.concatenate([vertices.bone_weights, weights]),
        edge_scales=padded(vertices.edge_scales, 1.0),
    )
    names = model.materials.names
    new_faces = first + np.arange(count, dtype=np.int32).reshape(-1, 3)
    if material in names:
        at = len(names) - 1 - names[::-1].index(material)
        ends = np.cumsum(model.materials.face_index_counts // 3)
        faces = np.insert(model.faces, ends[at], new_faces, axis=0)
        counts = model.materials.face_index_counts.copy()
        counts[at] += count
        materials = replace(model.materials, face_index_counts=counts)
    else:
        faces = np.concatenate([model.faces, new_faces])
        materials = _with_material(model.materials, material, count)
    return replace(model, vertices=table, faces=faces.astype(np.int32), materials=materials)


def _with_material(table: MaterialTable, name: str, index_count: int) -> MaterialTable:
    """One material more, a copy of the first, opaque."""
    values = {}
    for field in table.__dataclass_fields__:
        column = getattr(table, field)
        values[field] = (
            (*column, column[0]) if isinstance(column, tuple) else np.concatenate([column, column[:1]])
        )
    values["names"] = (*table.names, name)
    values["names_en"] = (*table.names_en, "")
    values["face_index_counts"][-1] = index_count
    values["diffuse"][-1] = 1.0
    return replace(table, **values)


def _without_triangles(model: Model, gone: Bools) -> Model:
    owners = np.repeat(np.arange(len(model.materials)), model.materials.face_index_counts // 3)
    counts = np.bincount(owners[~gone], minlength=len(model.materials)) * 3
    materials = replace(
        model.materials, face_index_counts=counts.astype(model.materials.face_index_counts.dtype)
    )
    return replace(model, faces=model.faces[~gone], materials=materials)


def _at(model: Model, positions: Floats) -> Model:
    return replace(model, vertices=replace(model.vertices, positions=positions))


def _bent(case: Case, positions: Points, bend: Callable[[Points], Points]) -> Case:
    """The case with bent space: morphs, bones and truth follow."""
    model, truth = case.model, case.truth
    assert truth.eyes is not None
    old = model.vertices.positions.astype(np.float64)
    moved = np.any(positions != old, axis=1)
    elements = []
    for part in model.morphs.elements:
        if isinstance(part, VertexElements):
            offsets = part.offsets.astype(np.float64)
            rows = moved[part.vertices]
            start = old[part.vertices[rows]]
            offsets[rows] = bend(start + offsets[rows]) - bend(start)
            elements.append(VertexElements(part.vertices, offsets.astype(np.float32)))
        else:
            elements.append(part)
    head = truth.head

    def place(x: float, y: float) -> tuple[float, float]:
        new = bend(np.array([[x, y, 0.0]]))[0]
        return float(new[0]), float(new[1])

    bounds = HeadBounds(
        place(head.center_x, head.bottom)[1],
        place(head.center_x, head.top)[1],
        head.center_x,
        head.provenance,
    )
    bones = model.bones.rest_positions.astype(np.float64)
    inside = bones[:, 1] > head.bottom - 0.5 * case.unit
    bones[inside] = bend(bones[inside])
    eyes = EyeCenters(place(*truth.eyes.left), place(*truth.eyes.right), truth.eyes.provenance)
    return replace(
        case,
        model=replace(
            _at(model, positions.astype(np.float32)),
            morphs=replace(model.morphs, elements=tuple(elements)),
            bones=replace(model.bones, rest_positions=bones.astype(np.float32)),
        ),
        truth=replace(truth, head=bounds, eyes=eyes),
    )


def _ears(case: Case, *, at: tuple[float, ...], width: float, height: float) -> Case:
    face, unit, head = case.face(), case.unit, case.truth.head
    z = float(face.head_position[2])
    low, top = head.top - 0.4 * unit, head.top + height * unit
    triangles = [
        [(middle - width * unit, low, depth), (middle + width * unit, low, depth), (middle, top, depth)]
        for middle in (head.center_x + x * unit for x in at)
        for depth in (z - 0.1 * unit, z + 0.1 * unit)
    ]
    return replace(case, model=with_mesh(case.model, np.array(triangles), face.bones.head, _hair(case)))


def _plane(left: float, right: float, bottom: float, top: float, z: float) -> Points:
    a, b, c, d = (left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z)
    return np.array([[a, b, c], [a, c, d]])


def _quads(grid: Points) -> Points:
    """A grid (rows, columns, 3) as triangles."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    return np.concatenate(
        [np.stack([a, b, c], axis=2).reshape(-1, 3, 3), np.stack([b, d, c], axis=2).reshape(-1, 3, 3)]
    )


def _near_eyes(face: Face, unit: float) -> Bools:
    return np.asarray(
        (np.abs(face.positions[:, 1] - face.eyes.y) < 0.3 * unit)
        & (np.abs(face.positions[:, 0] - face.eyes.center_x) < 0.9 * unit)
    )


def _hair(case: Case) -> str:
    """The material of most hair on top; without hair names the last."""
    names = case.model.materials.names
    for word in ("後髪", "後ろ髪", "hair", "髪"):
        for name in names:
            if word in name.casefold():
                return name
    return names[-1]


def _blink(case: Case) -> int:
    return case.truth.roles[Role.EYE_WINK_BOTH].morph


def _pair(eyes: EyeCenters) -> tuple[tuple[float, float], tuple[float, float]]:
    return eyes.left, eyes.right
