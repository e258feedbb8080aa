"""What is installed is what is in the checkout, and the lock fits pyproject.toml."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    on_disk = {
        path.relative_to(CHECKOUT).as_posix()
        for package in ("mmdgen", "annotate_gui")
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert any(name.endswith((".glsl", ".vert", ".frag")) for name in on_disk)
    assert on_disk - packed == set()


def pinned(lock: str) -> dict[str, str]:
    """Version of each package in a lock."""
    text = (CHECKOUT / "requirements" / lock).read_text(encoding="utf-8")
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.M)
    }


@pytest.mark.parametrize(("lock", "extras"), [("run.lock", []), ("dev.lock", ["dev"])])
def test_the_lock_pins_what_pyproject_asks_for(project: dict[str, Any], lock: str, extras: list[str]) -> None:
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    versions = pinned(lock)
    for requirement in map(Requirement, wanted):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock}: run make lock"
        assert version in requirement.specifier, f"{lock} pins {requirement.name} {version}: run make lock"


def test_the_locks_agree() -> None:
    run, dev = pinned("run.lock"), pinned("dev.lock")
    assert run.items() <= dev.items()


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_a_lock_names_no_host(lock: str) -> None:
    assert "://" not in (CHECKOUT / "requirements" / lock).read_text(encoding="utf-8")


def test_the_version_is_the_packages(project: dict[str, Any]) -> None:
    from mmdgen import __version__

    assert project["version"] == __version__
