"""Renders samples again from their records, to prove that the records tell everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.sample import PICTURES, pixel_sha256
from mmdgen.dataset.verify import Row
from mmdgen.errors import DatasetError
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view
from mmdgen.render import Renderer
from mmdgen.scene import Light


def render_again(
    renderer: Renderer, rows: Sequence[Row], sources: dict[str, ModelSource], config: DatasetConfig
) -> Iterator[tuple[Row, dict[str, str]]]:
    """Each row with the pixel hashes of its pictures, drawn from the row's own label and light.

    Raises:
        DatasetError: a row's model is not among the sources.
    """
    space = config.space
    in_order = sorted(rows, key=lambda row: str(row["key"]))
    for model_id, group in groupby(in_order, lambda row: str(row["model_id"])):
        if model_id not in sources:
            raise DatasetError(f"model {model_id} is not in the configured folders any more")
        of_model = list(group)
        source, light = sources[model_id], Light(**of_model[0]["light"])
        with ModelStage(renderer, source, space, portrait_view(source.annotation, config, light)) as stage:
            for row in of_model:
                vector = np.array(row["pose_vector"], np.float64)
                vectors = np.stack([space.rest_vector(), space.expression_vector(vector), vector])
                yield row, dict(zip(PICTURES, map(pixel_sha256, stage.draw(vectors)), strict=True))
