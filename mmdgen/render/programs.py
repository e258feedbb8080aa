"""Shader programs from the files in shaders/: one file a program, its stages told apart by a define."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

import moderngl

from mmdgen.errors import RenderError

_INCLUDE = re.compile(r'^#include "([\w.]+)"\s*$', re.MULTILINE)


class Programs:
    """The programs of one context, each compiled when it is first wanted and then kept.

    Args:
        context: where to compile.
        recipes: by name, a file in shaders/ and its preprocessor constants.
        units: texture unit of each sampler.
    """

    def __init__(
        self,
        context: moderngl.Context,
        recipes: Mapping[str, tuple[str, Mapping[str, int]]],
        units: Mapping[str, int],
    ) -> None:
        self._context = context
        self._recipes = recipes
        self._units = units
        self._compiled: dict[tuple[str, bool], moderngl.Program] = {}

    def get(self, name: str, *, linear_skinning: bool) -> moderngl.Program:
        """A program by its name, for runs all of whose vertices are skinned linearly or for any.

        Raises:
            RenderError: the driver refuses the shader.
        """
        key = name, linear_skinning
        program = self._compiled.get(key)
        if program is None:
            source, defines = self._recipes[name]
            extra = {"LINEAR_SKINNING": 1} if linear_skinning else {}
            program = self._compiled[key] = load_program(self._context, source, {**defines, **extra})
            for sampler, unit in self._units.items():
                if sampler in program:
                    program[sampler] = unit
        return program

    def __iter__(self) -> Iterator[moderngl.Program]:
        """Those compiled so far."""
        return iter(self._compiled.values())

    def release(self) -> None:
        """Free the GL objects."""
        for program in self._compiled.values():
            program.release()


def load_program(
    context: moderngl.Context, name: str, defines: Mapping[str, int] | None = None
) -> moderngl.Program:
    """Compile shaders/<name>.glsl with some preprocessor constants.

    Raises:
        RenderError: the driver refuses the shader; the message names file and line as the driver does.
    """
    text = _read(f"{name}.glsl")
    try:
        return context.program(
            vertex_shader=complete_source(text, "VERTEX_SHADER", defines or {}),
            fragment_shader=complete_source(text, "FRAGMENT_SHADER", defines or {}),
        )
    except moderngl.Error as error:
        details = _with_file_names(" ".join(str(error).split()), [f"{name}.glsl", *_INCLUDE.findall(text)])
        raise RenderError(f"shaders/{name}.glsl does not compile on this driver: {details}") from error


def _with_file_names(message: str, files: Sequence[str]) -> str:
    """A compiler's message with names in place of files' numbers: Mesa says 0:12(3), NVIDIA 0(12)."""

    def named(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"{files[number]}:{match[2] or match[3]}" if number < len(files) else match[0]

    return re.sub(r"\b(\d+)(?::(\d+)\(\d+\)|\((\d+)\))(?=\s*:)", named, message)


def complete_source(text: str, stage: str, defines: Mapping[str, int]) -> str:
    """The source of one stage, includes put in, lines numbered as in the files.

    File 0 is the text, the others are its includes in their order.
    """
    files = _INCLUDE.findall(text)

    def include(match: re.Match[str]) -> str:
        next_line = text[: match.start()].count("\n") + 2
        number = files.index(match.group(1)) + 1
        return f"#line 1 {number}\n{_read(match.group(1))}\n#line {next_line} 0"

    constants = "".join(f"#define {key} {value}\n" for key, value in sorted(defines.items()))
    body = _INCLUDE.sub(include, text)
    return f"#version 330 core\n#define {stage} 1\n{constants}#line 1 0\n{body}"


def _read(file_name: str) -> str:
    return (resources.files(__package__) / "shaders" / file_name).read_text(encoding="utf-8")
