"""The layers and fences of docs/explanation/architecture.md, walked in the source without importing it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

PAGE = CHECKOUT / "docs/explanation/architecture.md"


def rows_of_the_page() -> list[list[str]]:
    """The rooms of each row of the page's picture, from the ground up."""
    picture = PAGE.read_text(encoding="utf-8").split("Imports point down")[1].split("```")[1]
    rows = [line.split(" · ") for line in picture.splitlines()[1:]]  # the first line is the fence's language
    return [[full_name(room) for room in row] for row in reversed(rows)]


def full_name(room: str) -> str:
    """`rig` on the page is the package `mmdgen.rig`, unless there is a package of that name."""
    return room if (CHECKOUT / room / "__init__.py").is_file() else f"mmdgen.{room}"


# A module may import its own room and the rooms of lower rows, nothing else.
ROWS = rows_of_the_page()

# Who alone may import what.
FENCES = {
    "moderngl": ["mmdgen.render"],
    "glcontext": ["mmdgen.render"],
    "torch": ["mmdgen.train", "mmdgen.evaluate"],
    "joblib": ["mmdgen.generate"],
    "ray": ["mmdgen.generate.ray_engine"],
    "fsspec": ["mmdgen.dataset.places"],
    "fastapi": ["annotate_gui"],
    "uvicorn": ["annotate_gui"],
    "pyrr": ["mmdgen.scene"],
    "click": ["mmdgen.cli", "annotate_gui"],
}

FRONTS = {"mmdgen", "mmdgen.__main__"}  # hand on to the rooms, belong to none

MODULES = {
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("mmdgen", "annotate_gui")
    for path in sorted((CHECKOUT / package).rglob("*.py"))
}


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def place_of(module: str) -> tuple[int, str] | None:
    """Row and room of a module; the longest matching name decides. None for one that has no room."""
    places = [
        (len(room), row, room) for row, rooms in enumerate(ROWS) for room in rooms if is_within(module, room)
    ]
    return max(places)[1:] if places else None


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
            # `from mmdgen.annotate import schema` imports a module too
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in MODULES:
                    yield node.lineno, name


def test_every_module_has_a_room() -> None:
    homeless = [module for module in MODULES if module not in FRONTS and place_of(module) is None]
    assert not homeless


@pytest.mark.parametrize("module", [name for name in MODULES if name not in FRONTS])
def test_imports_point_down(module: str) -> None:
    own = place_of(module)
    assert own is not None
    wrong = []
    for line, name in imports_of(MODULES[module]):
        assert not name.startswith("."), f"{module}:{line}: write the import in full"
        other = place_of(name)
        if other is None or other[1] == own[1]:
            continue
        if other[0] >= own[0]:
            wrong.append(f"line {line} imports {name}")
    assert not wrong, f"{module}: {'; '.join(wrong)}"


@pytest.mark.parametrize("library", FENCES)
def test_a_library_stays_behind_its_fence(library: str) -> None:
    outside = [
        f"{module}:{line}"
        for module, path in MODULES.items()
        for line, name in imports_of(path)
        if is_within(name, library) and not any(is_within(module, room) for room in FENCES[library])
    ]
    assert not outside


def loaded_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    script = f"{statement}\nimport sys; print('\\n' + ' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    return set(done.stdout.splitlines()[-1].split())


def third_party(modules: set[str]) -> set[str]:
    return {name for name in modules if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_importing_mmdgen_needs_numpy_and_pillow_alone() -> None:
    bare = third_party(loaded_after("pass"))  # what the environment itself loads at start
    assert third_party(loaded_after("import mmdgen")) - bare <= {"mmdgen", "numpy", "PIL"}


def test_help_imports_nothing_heavy() -> None:
    loaded = loaded_after("from mmdgen.cli.main import cli; cli(['--help'], standalone_mode=False)")
    assert "click" in loaded
    assert loaded.isdisjoint(
        {"numpy", "PIL", "moderngl", "joblib", "pyarrow", "pyrr", "tqdm", "torch", "ray"}
    )
