"""Draws the golden pictures: built-in characters under each way of drawing.

    python -m tests.golden.make

Run it only when a picture is meant to change, on Mesa's software OpenGL, and look at what changed.
`characters.json` tells which character each picture was drawn of, so that a test can tell a change of the
character from a change of the renderer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from mmdgen.cast import Character, make_character
from mmdgen.formats import model_id
from mmdgen.images import Image, write_png
from mmdgen.pose import THA1
from mmdgen.render import Renderer, RenderSettings
from mmdgen.rig import build_rig
from mmdgen.sampling.binding import bind_annotation
from mmdgen.scene import Framing, Shading, View, frame_head

FOLDER = Path(__file__).resolve().parent
CHARACTERS = FOLDER / "characters.json"
_FRAMING = Framing(size_px=128, head_height_px=64.0, head_center_px=(64.0, 64.0))


@dataclass(frozen=True)
class Case:
    """One golden picture."""

    name: str
    seed: int
    label: dict[str, float] = field(default_factory=dict)  # pose parameters that are not at rest
    shading: Shading = Shading.PHONG
    samples_per_axis: int = 4
    outline_px: float = 0.5
    premultiplied: bool = True


_TURNED = {"head_y": 0.9, "head_x": -0.5, "neck_z": 0.6, "left_eye": 1.0, "mouth": 0.4}
CASES = (
    Case("phong", 1),
    Case("phong-turned", 1, _TURNED),
    Case("phong-4-samples", 1, samples_per_axis=2),
    Case("phong-1-sample", 1, samples_per_axis=1),
    Case("phong-no-outline", 1, outline_px=0.0),
    Case("phong-thick-outline", 1, outline_px=1.5),
    Case("phong-straight-alpha", 1, premultiplied=False),
    Case("phong-other-character", 2, {"right_eye": 0.5, "neck_z": -1.0}),
    Case("toon", 1, shading=Shading.TOON),
    Case("toon-turned", 1, _TURNED, shading=Shading.TOON),
    Case("toon-no-outline", 1, shading=Shading.TOON, outline_px=0.0),
    Case("toon-other-character", 2, {"head_y": -1.0, "head_x": 0.8, "mouth": 0.0}, shading=Shading.TOON),
)


@lru_cache(maxsize=2)
def golden_character(seed: int) -> tuple[Character, str]:
    """A built-in character, and the id of its file."""
    character = make_character(seed)
    return character, model_id(character.data)


def draw_case(renderer: Renderer, case: Case) -> Image:
    """The picture of a case, (128, 128, 4)."""
    character, _ = golden_character(case.seed)
    head = character.annotation.head
    view = View(
        camera=frame_head(head.bottom, head.top, head.center_x, framing=_FRAMING),
        size_px=_FRAMING.size_px,
        samples_per_axis=case.samples_per_axis,
        outline_px=case.outline_px,
        premultiplied=case.premultiplied,
        shading=case.shading,
    )
    bound = bind_annotation(character.model, character.annotation, THA1)
    rig = build_rig(bound.model)
    names = enumerate(bound.model.textures)
    textures = {row: character.textures[name] for row, name in names if name in character.textures}
    gpu_model = renderer.load(rig, textures, shading=case.shading)
    try:
        return renderer.render(gpu_model, rig.pose(bound.pose(THA1.vector(**case.label)[None])), view)[0]
    finally:
        gpu_model.release()


def main() -> None:
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with Renderer(RenderSettings(software_threads=0)) as renderer:
        driver = renderer.info
        for case in CASES:
            write_png(FOLDER / f"{case.name}.png", draw_case(renderer, case))
    ids = {str(seed): golden_character(seed)[1] for seed in sorted({case.seed for case in CASES})}
    CHARACTERS.write_text(json.dumps(ids, indent=2) + "\n", encoding="utf-8")
    print(f"drew {len(CASES)} pictures in {FOLDER} with {driver['renderer']}, {driver['version']}")


if __name__ == "__main__":
    main()
