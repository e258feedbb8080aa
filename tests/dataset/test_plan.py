from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mmdgen.dataset.config import DatasetConfig, MapKind, PoseDraw, Split, SplitRule
from mmdgen.dataset.plan import (
    Plan,
    SourceModel,
    difference,
    plan_dataset,
    plan_from_json,
    plan_to_json,
)
from mmdgen.dataset.quality import QualityRules
from mmdgen.errors import DatasetError
from mmdgen.pose import Density
from mmdgen.scene import Shading

RULES = (SplitRule(Split.TRAIN, 1000, groups=("a*",)), SplitRule(Split.TEST, 10, groups=("b*",)))


def config(**changes: object) -> DatasetConfig:
    return replace(
        DatasetConfig(name="x", out=Path("x"), splits=RULES, builtin=1, shard_size=100),
        **changes,  # type: ignore[arg-type]
    )


def models(count: int, group: str = "a") -> list[SourceModel]:
    return [SourceModel(f"{number:016x}", f"{group}{number}", "annotation") for number in range(count)]


def plan(count: int = 13, **changes: object) -> Plan:
    return plan_dataset(config(**changes), models(count), Split.TRAIN)


def test_every_planned_sample_stands_in_exactly_one_shard() -> None:
    made = plan()
    keys = [key for job in made.jobs for part in job.parts for key in part.sample_keys()]
    assert len(keys) == len(set(keys)) == made.sample_count == 1000
    for model in made.models:
        assert sorted(key.index for key in keys if key.model_id == model.model_id) == list(
            range(model.samples)
        )


def test_models_share_the_samples_evenly() -> None:
    assert {model.samples for model in plan(13).models} == {76, 77}
    assert {model.samples for model in plan(10).models} == {100}


def test_with_more_models_than_samples_some_give_none() -> None:
    rules = (SplitRule(Split.TRAIN, 5, groups=("a*",)),)
    assert len(plan(13, splits=rules).models) == 5


def test_a_models_samples_stand_in_one_shard_if_they_fit() -> None:
    made = plan(13, shard_size=200)
    homes = [part.model_id for job in made.jobs for part in job.parts]
    assert len(homes) == len(set(homes))
    assert all(job.sample_count <= 200 for job in made.jobs)


def test_a_model_with_more_samples_than_a_shard_is_cut() -> None:
    made = plan(3, shard_size=100)
    assert all(job.sample_count <= 100 for job in made.jobs)
    assert made.sample_count == 1000


def test_the_plan_hangs_on_nothing_but_its_inputs() -> None:
    assert plan() == plan()
    shuffled = plan_dataset(config(), list(reversed(models(13))), Split.TRAIN)
    assert shuffled == plan()
    assert plan(out=Path("elsewhere"), name="y", folders=(Path("z"),)).fingerprint == plan().fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"size_px": 128},
        {"samples_per_pixel": 4},
        {"shard_size": 99},
        {"outline_px": 0.0},
        {"shading": Shading.TOON},
        {"head_height_px": 100.0},
        {"maps": (MapKind.FLOW,)},
        {"quality": QualityRules(max_cut=0.1)},
        {"pose_draws": (PoseDraw("mouth", Density.CONSTANT, 1.0, 1.0),)},
        {"splits": (SplitRule(Split.TRAIN, 999, groups=("a*",)),)},
    ],
)
def test_what_decides_content_changes_the_fingerprint(changes: dict[str, object]) -> None:
    assert plan(**changes).fingerprint != plan().fingerprint


def test_an_annotation_changes_the_fingerprint() -> None:
    changed = [replace(models(13)[0], annotation_digest="other"), *models(13)[1:]]
    other = plan_dataset(config(), changed, Split.TRAIN)
    assert other.fingerprint != plan().fingerprint
    assert difference(plan(), other) == "a model's annotation, group or textures changed"


def test_models_of_other_splits_do_not_matter() -> None:
    with_others = plan_dataset(config(), models(13) + models(20, "b")[13:], Split.TRAIN)
    assert with_others == plan()


def test_the_difference_is_said_in_words() -> None:
    assert difference(plan(), plan(seed=1)) == "seed was 0 and is now 1"
    assert difference(plan(13), plan(14)) == "1 models are new and 0 are gone"


def test_a_plan_reads_back() -> None:
    assert plan_from_json(plan_to_json(plan()), source="plan.json") == plan()


def test_what_is_no_plan_is_said() -> None:
    with pytest.raises(DatasetError, match=r"plan.json: is no plan"):
        plan_from_json("{}", source="plan.json")


def test_a_split_without_models_says_which_groups_there_are() -> None:
    with pytest.raises(DatasetError, match=r"no model falls into \[splits.test\]: its groups are b\*; .*a0"):
        plan_dataset(config(), models(3), Split.TEST)
    with pytest.raises(DatasetError, match="no model is usable"):
        plan_dataset(config(), [], Split.TRAIN)
