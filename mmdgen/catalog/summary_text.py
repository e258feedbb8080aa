"""A model summary as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from mmdgen.annotate.schema import Role
from mmdgen.catalog.summary import BoneState, MaterialState, Summary, TextureState
from mmdgen.model import NO_INDEX

_MORPHS_SHOWN = 60
_SHOWN_ROLES = (Role.EYE_WINK_LEFT, Role.EYE_WINK_RIGHT, Role.MOUTH_AAA)


def summary_text(summary: Summary, *, with_bones: bool = False) -> str:
    """The summary, a paragraph for each part.

    Args:
        summary: of one model.
        with_bones: whether the tree of bones is in it.
    """
    parts = [
        _title(summary),
        _usability(summary),
        _section("Counts", [_counts(summary)]),
        _section("Materials", [_material(material, summary) for material in summary.materials]),
        _section("Textures", [_texture(texture) for texture in summary.textures]),
        _section("Morphs", list(_morphs(summary))),
        _section("Bones", list(_bone_tree(summary.bones))) if with_bones else "",
        _section("Mended while reading", list(summary.warnings)),
        _section("Terms found (read the whole texts before you use the model)", list(_terms(summary))),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""


def _title(summary: Summary) -> str:
    names = summary.name + (f" / {summary.name_en}" if summary.name_en.strip() else "")
    width, height, depth = summary.size
    return "\n".join(
        [
            f"{names or '(no name)'}",
            f"  {summary.file}",
            f"  {summary.format.upper()}, {summary.encoding}, id {summary.model_id}, "
            f"{width:.1f} x {height:.1f} x {depth:.1f} units",
        ]
    )


def _usability(summary: Summary) -> str:
    lines = []
    if summary.head is not None:
        lines.append(f"head from {summary.head[0]:.2f} to {summary.head[1]:.2f} units")
    for name in _SHOWN_ROLES:
        role = summary.roles.get(name)
        if role is not None:
            half = f", its {role.half} half" if role.half else ""
            lines.append(f"{name}: {role.morph}{half} (confidence {role.confidence:.2f})")
    lines.extend(summary.remarks)
    verdict = (
        "Usable as a character" if summary.is_usable else f"Not usable as a character: {summary.problem}"
    )
    return _section(verdict, lines) or verdict


def _counts(summary: Summary) -> str:
    counts = ", ".join(f"{count:,} {what}" for what, count in summary.counts.items() if count)
    skinning = ", ".join(f"{kind} {count:,}" for kind, count in summary.skinning.items())
    return f"{counts}; skinning {skinning or 'none'}"


def _material(material: MaterialState, summary: Summary) -> str:
    states = {texture.name: texture for texture in summary.textures}
    pictures = [
        f"{what} {name}{'' if name not in states or states[name].size else ' (MISSING)'}"
        for what, name in (
            ("texture", material.texture),
            (f"sphere ({material.sphere_mode})", material.sphere),
            ("toon", material.toon),
        )
        if name
    ]
    opacity = "" if material.opacity >= 1.0 else f", opacity {material.opacity:g}"
    flags = f", {' '.join(material.flags)}" if material.flags else ""
    return (
        f"{material.name or '(no name)'}: {material.triangles:,} triangles{opacity}{flags}"
        f"; {', '.join(pictures) or 'untextured'}"
    )


def _texture(texture: TextureState) -> str:
    problems = "".join(f"; {warning}" for warning in texture.warnings)
    if texture.size is None:
        return f"{texture.name}: none{problems}"
    alpha = ", with alpha" if texture.has_alpha else ""
    return f"{texture.name}: {texture.size[0]} x {texture.size[1]}{alpha}{problems}"


def _morphs(summary: Summary) -> Iterator[str]:
    for panel, morphs in summary.morphs.items():
        shown = ", ".join(
            morph.name + ("" if morph.kind == "vertex" else f" [{morph.kind}]")
            for morph in morphs[:_MORPHS_SHOWN]
        )
        more = f" and {len(morphs) - _MORPHS_SHOWN} more" if len(morphs) > _MORPHS_SHOWN else ""
        yield f"{panel} ({len(morphs)}): {shown}{more}"


def _bone_tree(bones: tuple[BoneState, ...]) -> Iterator[str]:
    """The bones, children below their parents, without recursion: a chain may be long."""
    children: dict[int, list[int]] = {}
    for bone, state in enumerate(bones):
        children.setdefault(state.parent, []).append(bone)
    waiting = [(root, 0) for root in reversed(children.get(NO_INDEX, []))]
    while waiting:
        bone, depth = waiting.pop()
        state = bones[bone]
        layer = (f"layer {state.layer}",) if state.layer else ()
        remarks = ", ".join((*state.remarks, *layer))
        yield f"{'  ' * min(depth, 40)}{state.name}" + (f"  ({remarks})" if remarks else "")
        waiting.extend((child, depth + 1) for child in reversed(children.get(bone, [])))


def _terms(summary: Summary) -> Iterator[str]:
    for found in summary.terms:
        licences = f" names {', '.join(found.licences)}" if found.licences else ""
        yield f"{found.source}:{licences}"
        yield from (f"  {line}" for line in found.lines)
        if found.more_lines:
            yield f"  … and {found.more_lines} more lines"
