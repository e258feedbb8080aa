"""Characters as files: the model, its textures, and what is true of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from mmdgen.annotate.json_form import annotation_to_text
from mmdgen.cast.character import Character
from mmdgen.images import encode_png


def write_character(character: Character, folder: Path) -> Path:
    """Write a character into a folder of its own, which is made.

    Beside the PMX file lie its textures, `<name>.annotation.json` (the true annotation) and
    `<name>.traits.json` (every choice that the seed made).

    Returns:
        The path of the PMX file.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in character.textures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image))
    (folder / f"{character.name}.annotation.json").write_text(
        annotation_to_text(character.annotation), encoding="utf-8", newline="\n"
    )
    facts = asdict(character.traits) | {"wild": asdict(character.wild)}
    traits = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
    (folder / f"{character.name}.traits.json").write_text(traits, encoding="utf-8", newline="\n")
    target = folder / f"{character.name}.pmx"
    target.write_bytes(character.data)  # last: a model file on disk has all that belongs to it
    return target
