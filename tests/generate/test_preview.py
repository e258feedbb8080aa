"""Previews in a motion, seen as a data set sees the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mmdgen.cli.main import cli
from mmdgen.dataset.config import DatasetConfig
from mmdgen.generate.preview import draw_motion, draw_preview
from mmdgen.pose import THA1
from mmdgen.render import Renderer


@pytest.mark.local_models
def test_a_motion_poses_face_and_arms(renderer: Renderer, shared_dir: Path) -> None:
    model = shared_dir / "models" / "gene_light" / "Gene_light.pmx"
    motions = shared_dir / "models" / "motions"
    config = DatasetConfig(name="x", out=Path(), splits=(), size_px=64, samples_per_pixel=4)
    shut = draw_preview(renderer, model, THA1.vector(mouth=0.0), config).image
    normal = draw_motion(renderer, model, motions / "00_normal.vmd", 0.0, config).image
    surprised = draw_motion(renderer, model, motions / "08_surprise.vmd", 40.0, config).image
    thinking = draw_motion(renderer, model, motions / "16_thinking.vmd", 60.0, config).image
    face = (slice(16, 48), slice(24, 40))
    assert np.abs(normal[face].astype(int) - shut[face]).mean() < 6  # the neutral face, on a moved body
    assert (surprised[40:47, 28:36] != normal[40:47, 28:36]).any(axis=-1).mean() > 0.5  # the mouth
    assert (thinking[48:] != normal[48:]).any(axis=-1).mean() > 0.2  # a hand comes to the chin


def test_a_label_and_a_motion_exclude_each_other(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["preview", "x.pmx", "--pose", "head_y=1", "--motion", "x.vmd"])
    assert result.exit_code == 2
    assert "choose --pose or --motion, not both" in result.stderr
