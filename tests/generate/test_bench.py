"""Measuring how fast pictures are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmdgen.cast import make_character, write_character
from mmdgen.cli.main import cli
from mmdgen.errors import DatasetError
from mmdgen.generate.bench import STAGES, bench


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one character and a file that is none."""
    folder = tmp_path_factory.mktemp("models")
    write_character(make_character(3), folder / "one")
    (folder / "broken.pmx").write_bytes(b"PMX what")
    return folder


def test_every_stage_and_the_floor_take_time_and_add_up(folder: Path) -> None:
    progress: list[tuple[int, int]] = []
    report = bench(
        folders=[folder],
        poses=2,
        samples_per_pixel=4,
        workers=1,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert tuple(report.stages) == STAGES
    assert all(cost > 0.0 for cost in report.stages.values())
    assert report.cpu_ms == pytest.approx(sum(report.stages.values()))
    assert report.floor > 0.0
    assert report.images == 5  # rest, and two expressions and posed pictures
    assert report.images_per_second > 0.0
    assert (report.samples_per_pixel, report.workers) == (4, 1)
    assert [cost.images for cost in report.models] == [5]
    assert list(report.left_out) == ["broken.pmx"]
    assert progress == [(1, 1)]


def test_command_prints_a_table_or_json(folder: Path) -> None:
    asked = ["bench", "--models", str(folder), "--poses", "1", "--samples", "1", "--workers", "1"]
    table = CliRunner().invoke(cli, asked)
    assert table.exit_code == 0, table.output
    head = next(line for line in table.output.splitlines() if line.startswith("CPU ms"))
    assert head.split()[4:] == [*STAGES, "all", "floor", "ratio"]
    assert "images/s at 1 samples per pixel with 1 process " in table.output
    facts = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout)
    assert {"images_per_second", "samples_per_pixel", "workers", "stages", "floor"} <= set(facts)
    assert tuple(facts["stages"]) == STAGES


def test_no_usable_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.pmx").write_bytes(b"PMX what")
    with pytest.raises(DatasetError, match="no usable model"):
        bench(folders=[tmp_path], workers=1)
