"""Leaving out what no pose shows changes no pixel of a real model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmdgen.annotate import propose_annotation
from mmdgen.formats import model_id, read_model
from mmdgen.generate.compose import ModelSource, ModelStage
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.sampling.poses import sample_pose_vector
from mmdgen.scene import View, frame_head

POSES = 24


@pytest.mark.slow
@pytest.mark.local_models
@pytest.mark.parametrize(
    "name",
    [
        "gene_light/Gene_light.pmx",
        "appearance_miku/Appearance Miku.pmx",
        "mei_black_jacket/mei_black_jacket.pmd",
    ],
)
def test_pictures_are_the_same_with_and_without_what_cannot_be_seen(
    renderer: Renderer, shared_dir: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shared_dir / "models" / name
    identity = model_id(path.read_bytes())
    annotation = propose_annotation(read_model(path), identity)
    head = annotation.head
    view = View(frame_head(head.bottom, head.top, head.center_x), samples_per_axis=2)
    source = ModelSource(model_id=identity, group="test", path=path, annotation=annotation)
    vectors = np.stack([sample_pose_vector(THA1, np.random.default_rng(row)) for row in range(POSES)])
    # Textures of their own size: what is drawn decides by how much they are scaled down.
    monkeypatch.setattr("mmdgen.render.gpu_model.fit_pictures", lambda model, pictures, *_: pictures)
    with ModelStage(renderer, source, THA1, view) as stage:
        pictures = stage.draw(vectors)
        reach = stage.reach
    whole = np.ones_like(reach.surfaces)
    uncut = type(reach)(whole, whole, reach.depth_range, bends=reach.bends)
    monkeypatch.setattr("mmdgen.generate.compose.find_reach", lambda *_: uncut)
    with ModelStage(renderer, source, THA1, view) as stage:
        differ = (stage.draw(vectors) != pictures).any(axis=-1)
    # Where two opaque surfaces are equally far to the last bit, the order of their clusters decides.
    assert differ.sum() <= 1
    assert reach.surfaces.mean() < 0.75
