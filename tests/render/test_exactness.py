"""What makes pictures cheap never changes them: on real models, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdgen.catalog.examine import examine_model
from mmdgen.dataset.config import DatasetConfig
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view, visible_textures
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.render.crop import everything
from mmdgen.render.fitting import fit_pictures
from mmdgen.scene import Light, Shading

pytestmark = [pytest.mark.local_models, pytest.mark.slow]

MODELS = [
    "gene_light/Gene_light.pmx",
    "gene_light/Gene_light.pmd",
    "appearance_miku/Appearance Miku.pmx",
    "miku43/miku4.3.pmx",
    "mei_winter_blazer/*.pmd",
]
CONFIG = DatasetConfig(name="exactness", out=Path(), splits=(), samples_per_pixel=4)


@pytest.mark.parametrize("shading", list(Shading))
@pytest.mark.parametrize("pattern", MODELS)
def test_redraw_batch_and_reach_leave_every_byte_as_it_is(
    shared_dir: Path, renderer: Renderer, pattern: str, shading: Shading
) -> None:
    path = next((shared_dir / "models").glob(pattern))
    record = examine_model(path.read_bytes(), source=path.name)
    assert record.annotation is not None
    source = ModelSource(record.model_id, path.stem, path, record.annotation)
    view = portrait_view(record.annotation, replace(CONFIG, shading=shading), Light())
    rng = np.random.default_rng(5)
    lows, highs = np.array([(p.low, p.high) for p in THA1.parameters]).T
    vectors = np.concatenate(
        [rng.uniform(lows, highs, (3, len(lows))), np.where(rng.random((3, len(lows))) < 0.5, lows, highs)]
    )
    with ModelStage(renderer, source, THA1, view) as stage, stage.expressions() as faces:
        expressions = THA1.expression_vector(vectors)
        redrawn, whole = stage.draw_expressions(faces, expressions), stage.draw(expressions)
        assert (redrawn == whole).all()
        together = stage.draw(vectors)
        assert (together == np.concatenate([stage.draw(vector[None]) for vector in vectors])).all()
        model = stage._bound.model
        textures, _ = visible_textures(model, path.parent, everything(model).surfaces, shading)
        fitted = fit_pictures(model, textures, stage.reach, shading, limit=16384)
        whole = replace(everything(model), bends=stage.reach.bends)
        uncut = renderer.load(stage._rig, fitted, whole, shading)
        assert (together == renderer.render(uncut, stage._pose(vectors), stage._view)).all()
        uncut.release()
