"""Shader programs from the files in shaders/: one file a program, its stages told apart by a define."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

import moderngl

from mmdgen.errors import RenderError

_INCLUDE = re.compile(r'^#include "([\w.]+)"\s*$', re.MULTILINE)


def load_program(
    context: moderngl.Context,
    name: str,
    defines: Mapping[str, int] | None = None,
    *,
    varyings: tuple[str, ...] = (),
) -> moderngl.Program:
    """Compile shaders/<name>.glsl.

    Args:
        context: where to compile.
        name: file name without suffix.
        defines: preprocessor constants.
        varyings: outputs of the vertex stage to capture by transform feedback, with no fragment stage.

    Raises:
        RenderError: the driver refuses the shader; the message names file and line as the driver does.
    """
    defines = defines or {}
    try:
        if varyings:
            return context.program(
                vertex_shader=shader_source(name, "VERTEX_SHADER", defines), varyings=varyings
            )
        return context.program(
            vertex_shader=shader_source(name, "VERTEX_SHADER", defines),
            fragment_shader=shader_source(name, "FRAGMENT_SHADER", defines),
        )
    except moderngl.Error as error:
        details = " ".join(str(error).split())
        raise RenderError(f"shaders/{name}.glsl does not compile on this driver: {details}") from error


def shader_source(name: str, stage: str, defines: Mapping[str, int]) -> str:
    """The complete source of one stage, with includes put in and lines numbered as in the file."""
    constants = "".join(f"#define {key} {value}\n" for key, value in sorted(defines.items()))
    return f"#version 330 core\n#define {stage} 1\n{constants}#line 1\n{_read(f'{name}.glsl')}"


def _read(file_name: str) -> str:
    text = (resources.files(__package__) / "shaders" / file_name).read_text(encoding="utf-8")

    def include(match: re.Match[str]) -> str:
        next_line = text[: match.start()].count("\n") + 2
        return f"#line 1 1\n{_read(match.group(1))}\n#line {next_line} 0"

    return _INCLUDE.sub(include, text)
