"""A whole run on built-in characters: rendered, trained by the commands, and better than doing nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")

from mmdgen.cli.main import cli

TOML = """
[dataset]
name = "small faces"
out = "faces"
size_px = 64
samples_per_pixel = 1

[models]
builtin = 40

[splits.train]
samples = 800
share = 0.8

[splits.validation]
samples = 96
share = 0.2
"""


def mmdgen(line: str) -> None:
    result = CliRunner().invoke(cli, line.split())
    assert result.exit_code == 0, result.output


def last_validation(run: Path) -> dict[str, float]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    scores = [row for row in rows if "validation/identity" in row][-1]
    return {name.removeprefix("validation/"): value for name, value in scores.items()}


@pytest.mark.slow
def test_the_rotator_turns_heads_that_it_has_never_seen_and_the_combiner_goes_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mmdgen.toml").write_text(TOML, encoding="utf-8")
    mmdgen("render --workers 2")
    shared = "--data faces --preset tiny --device cpu --workers 0 --checkpoint-every 1000"
    mmdgen(f"train face-rotator {shared} --limit 2000")
    rotator = last_validation(Path("runs/face-rotator"))
    assert rotator["zhou"] < 0.85 * rotator["identity"]
    mmdgen(f"train combiner {shared} --limit 500")
    combiner = last_validation(Path("runs/combiner"))
    assert combiner["zhou"] == pytest.approx(rotator["zhou"], rel=1e-4)
    assert combiner["combined"] < rotator["identity"]
    mmdgen(f"train face-morpher {shared} --limit 500")
    assert last_validation(Path("runs/face-morpher"))["morphed"] < 0.05
