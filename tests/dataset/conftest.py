"""A small data set written without a renderer: random pictures under true labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdgen.dataset.card import write_card
from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.dataset.keys import SampleKey, sample_rng, shuffled
from mmdgen.dataset.manifest import PLAN_FILE, write_manifest
from mmdgen.dataset.plan import Plan, SourceModel, plan_dataset, plan_to_json
from mmdgen.dataset.quality import change_facts, picture_facts
from mmdgen.dataset.sample import Sample, encode_image
from mmdgen.dataset.shard import ShardWriter
from mmdgen.pose import THA1
from mmdgen.sampling.poses import sample_pose_vector
from mmdgen.scene import Framing, Light

SIZE_PX = 16
FRAMING = Framing(SIZE_PX, SIZE_PX / 2, (SIZE_PX / 2, SIZE_PX / 2))
RULES = (
    SplitRule(Split.TRAIN, 20, groups=("a*",)),
    SplitRule(Split.VALIDATION, 4, groups=("b*",)),
    SplitRule(Split.TEST, 4, groups=("c*",)),
)
MODELS = [SourceModel(f"{number:016x}", group, "said") for number, group in enumerate("aaabbc")]


def picture(name: str) -> np.ndarray:
    """Coloured noise with a transparent border, the same for the same name."""
    seed = np.frombuffer(name.encode(), np.uint8).tolist()
    image = np.zeros((SIZE_PX, SIZE_PX, 4), np.uint8)
    image[2:-2, 2:-2] = np.random.default_rng(seed).integers(1, 256, (SIZE_PX - 4, SIZE_PX - 4, 4))
    return image


def make_sample(key: SampleKey, group: str, split: str, seed: int = 0) -> Sample:
    rest, expression, posed = picture(key.model_id), picture(f"{key}e"), picture(f"{key}p")
    return Sample(
        key=key,
        group=group,
        split=split,
        seed=seed,
        space=THA1,
        vector=sample_pose_vector(THA1, sample_rng(seed, key)),
        light=Light(),
        rest=encode_image(rest),
        expression=encode_image(expression),
        posed=encode_image(posed),
        quality={
            "rest": picture_facts(rest, FRAMING),
            "expression": picture_facts(expression, FRAMING)
            | change_facts(expression, rest, FRAMING, of="rest"),
            "posed": picture_facts(posed, FRAMING)
            | change_facts(posed, expression, FRAMING, of="expression"),
        },
    )


def write_split(config: DatasetConfig, plan: Plan) -> None:
    groups = {model.model_id: model.group for model in plan.models}
    folder = config.out / plan.split
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PLAN_FILE).write_text(plan_to_json(plan), encoding="utf-8")
    for job in plan.jobs:
        keys = [key for part in job.parts for key in part.sample_keys()]
        with ShardWriter(folder, job.shard, job.fingerprint) as writer:
            for key in shuffled(keys, str, config.seed):
                writer.add(make_sample(key, groups[key.model_id], plan.split, config.seed))
            writer.commit()


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., DatasetConfig]:
    """Writes a whole data set into a folder and gives its configuration."""

    def write(folder: str = "set", **changes: object) -> DatasetConfig:
        config = DatasetConfig(
            name="試験", out=tmp_path / folder, splits=RULES, size_px=SIZE_PX, shard_size=8, builtin=1
        )
        config = replace(config, **changes)  # type: ignore[arg-type]
        config.out.mkdir()
        rows = [
            {
                "file": f"{model.group}/x.pmx",
                "group": model.group,
                "is_usable": True,
                "problem": "",
                "model_id": model.model_id,
                "name": "人",
                "format": "pmx 2",
                "counts": {"triangles": 5},
                "warnings": [],
                "doubts": {},
                "same_character": None,
                "readme": [],
                "terms": [],
            }
            for model in MODELS
        ]
        rows.append(rows[0] | {"file": "broken.pmx", "is_usable": False, "problem": "the file is empty"})
        (config.out / "models.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        for rule in config.splits:
            write_split(config, plan_dataset(config, MODELS, rule.split))
        write_card(config.out, write_manifest(config), "1.0")
        return config

    return write


@pytest.fixture
def dataset(write_dataset: Callable[..., DatasetConfig]) -> DatasetConfig:
    """A whole data set."""
    return write_dataset()
