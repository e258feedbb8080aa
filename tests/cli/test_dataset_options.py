"""What the command line may say instead of the configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mmdgen.annotate.schema import Annotation, HeadBounds, Origin, Provenance
from mmdgen.catalog.record import ModelRecord
from mmdgen.catalog.scan import ModelFile
from mmdgen.cli.dataset_options import UNUSED_LINES, load_config, plan_line, plans_of, tell_unused
from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.dataset.splits import assign_split
from mmdgen.errors import DatasetError
from mmdgen.generate.surveyed import SurveyedModel

CONFIG = """
[dataset]
out = "written"
seed = 4

[models]
builtin = 8

[splits.train]
samples = 10
groups = ["cast-00?"]

[splits.test]
samples = 2
share = 0.5
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "mmdgen.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def usable_model(group: str) -> SurveyedModel:
    annotation = Annotation("0" * 16, HeadBounds(1.0, 2.0, 0.0, Provenance(Origin.AUTO, "for a test")))
    return SurveyedModel(
        ModelFile(f"{group}/a.pmx", group, Path(group, "a.pmx")), ModelRecord(group, annotation=annotation)
    )


def group_in(split: Split, config: DatasetConfig) -> str:
    """A group that its name's hash puts into a split."""
    return next(name for name in map(str, range(1000)) if assign_split(name, config.splits) is split)


def test_nothing_said_leaves_the_configuration_alone(config_file: Path) -> None:
    config = load_config(config_file, out=None, seed=None)
    assert (config.out, config.seed, config.builtin) == (config_file.parent / "written", 4, 8)


def test_out_is_relative_to_where_the_command_is_typed(config_file: Path) -> None:
    config = load_config(config_file, out=Path("here"), seed=5)
    assert (config.out, config.seed) == (Path("here"), 5)


def test_models_take_the_place_of_the_configurations_models_and_groups(config_file: Path) -> None:
    config = load_config(config_file, out=Path("mine"), seed=None, folders=(Path("~/mmd"),))
    assert config.name == "mine"  # not what the file calls its own models' data set
    here = load_config(config_file, out=Path("mine/../."), seed=None, folders=(Path("~/mmd"),))
    assert here.name == Path.cwd().name
    assert config.builtin == 0
    assert config.folders == (Path.home() / "mmd",)
    assert config.splits == (SplitRule(Split.TRAIN, 10), SplitRule(Split.TEST, 2))


def test_a_plans_line_counts_in_words_that_fit() -> None:
    fact = {"split": "test", "samples": 4000, "models": 2, "groups": 1, "shards": 1, "shards_there": 0}
    line = plan_line(fact | {"bytes": 3_000_000_000, "fingerprint": "abc"}, " and 5 min 00 s")
    assert line == (
        "test: 4,000 samples of 2 models in 1 group, 1 shard (0 there), about 3.0 GB and 5 min 00 s, "
        "fingerprint abc"
    )


def test_a_split_without_models_is_passed_over_aloud(
    config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config(config_file, out=None, seed=None, folders=(Path("mmd"),))
    plans = plans_of(config, [usable_model(group_in(Split.TRAIN, config))], ())
    assert [plan.split for plan in plans] == ["train"]
    assert "test: no model falls into this split" in capsys.readouterr().err


def test_a_split_asked_for_by_name_needs_models(config_file: Path) -> None:
    config = load_config(config_file, out=None, seed=None, folders=(Path("mmd"),))
    with pytest.raises(DatasetError, match=r"no model falls into \[splits.test\]"):
        plans_of(config, [usable_model(group_in(Split.TRAIN, config))], ("test",))


def test_no_usable_model_at_all_is_an_error(config_file: Path) -> None:
    config = load_config(config_file, out=None, seed=None, folders=(Path("mmd"),))
    with pytest.raises(DatasetError, match="no model is usable"):
        plans_of(config, [], ())


def test_of_many_unusable_models_the_first_are_named_and_the_others_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A thousand lines would bury what else there is to say."""
    unused = [
        replace(usable_model(f"stage-{number}"), set_aside="it is no character")
        for number in range(UNUSED_LINES + 3)
    ]
    tell_unused([usable_model("miku"), *unused])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == UNUSED_LINES + 1
    assert lines[0] == "not used: stage-0/a.pmx: it is no character"
    assert lines[-1].startswith("not used: 3 more")
