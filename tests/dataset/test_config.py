from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmdgen.catalog.scan import Grouping
from mmdgen.dataset.config import Alpha, Keep, MapKind, Split, config_from_document, read_config
from mmdgen.dataset.quality import QualityRules
from mmdgen.dataset.splits import assign_split
from mmdgen.errors import DatasetError
from mmdgen.pose import THA1, Density
from mmdgen.sampling.views import Range
from mmdgen.scene import Framing, Shading

CHECKOUT = Path(__file__).resolve().parents[2]

FULL = """
[dataset]
name = "試験"
out = "data/set"
seed = 7
size_px = 128
samples_per_pixel = 4
shard_size = 50
alpha = "straight"
outline_px = 0.25
shading = "toon"
maps = ["flow", "depth"]

[framing]
head_height_px = 32
head_center_px = [64, 40.5]

[models]
builtin = 3
folders = ["models"]

[annotations]
folder = "said"

[light]
ambient = [0.5, 1.2]
directional = 0.4

[splits.train]
samples = 100
groups = ["anime*"]

[splits.test]
samples = 10
share = 0.5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mmdgen.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_is_read(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, FULL))
    assert (config.name, config.seed, config.size_px, config.shard_size) == ("試験", 7, 128, 50)
    assert config.out == tmp_path / "data/set"
    assert config.folders == (tmp_path / "models",)
    assert config.annotations == tmp_path / "said"
    assert config.samples_per_axis == 2
    assert config.alpha is Alpha.STRAIGHT
    assert config.outline_px == 0.25
    assert config.shading is Shading.TOON
    assert config.maps == (MapKind.DEPTH, MapKind.FLOW)
    assert config.framing == Framing(128, 32.0, (64.0, 40.5))
    assert config.light.ambient == Range(0.5, 1.2)
    assert config.light.directional == Range(0.4, 0.4)
    assert [rule.split for rule in config.splits] == [Split.TRAIN, Split.TEST]
    assert config.rule(Split.TRAIN).groups == ("anime*",)
    assert config.rule(Split.TEST).share == 0.5


def test_the_defaults_are_tha1s() -> None:
    config = document({})
    assert (config.size_px, config.samples_per_pixel, config.alpha) == (256, 16, Alpha.PREMULTIPLIED)
    assert (config.light.ambient, config.light.directional) == (Range(0.5, 0.5), Range(0.5, 0.5))
    assert config.space.name == "tha1"
    assert config.framing == Framing(256, 128.0, (128.0, 128.0))
    assert config.shading is Shading.PHONG
    assert config.maps == ()


def test_a_light_preset_gives_the_ranges_that_are_not_named() -> None:
    tha2 = document({"light": {"preset": "tha2"}}).light
    assert (tha2.ambient, tha2.directional) == (Range(0.5, 0.75), Range(0.5, 1.25))
    mixed = document({"light": {"preset": "tha1-bright", "directional": 0.6}}).light
    assert (mixed.ambient, mixed.directional) == (Range(0.5, 1.2), Range(0.6, 0.6))


def test_the_head_takes_the_middle_half_of_a_larger_picture_unless_told_otherwise() -> None:
    assert document({"dataset": {"size_px": 512}}).framing == Framing(512, 256.0, (256.0, 256.0))
    wide = document(
        {"dataset": {"size_px": 512}, "framing": {"head_height_px": 128, "head_center_px": [256, 128]}}
    )
    assert wide.framing == Framing(512, 128.0, (256.0, 128.0))


def document(changes: dict[str, Any]) -> Any:
    tables: dict[str, Any] = {"models": {"builtin": 1}, "splits": {"train": {"samples": 1}}, **changes}
    return config_from_document(tables, source="mmdgen.toml", folder=Path())


def test_an_unknown_setting_names_the_nearest_and_all_known(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read_config(write(tmp_path, FULL.replace("seed", "sead")))
    sentence = str(caught.value)
    assert "mmdgen.toml: [dataset] has no setting 'sead'; did you mean 'seed'?" in sentence
    assert "alpha, maps, name, out, outline_px, pose_space, samples_per_pixel, seed, shading" in sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dataset": {"size_px": "big"}}, r"\[dataset\] size_px is 'big'; expected a whole number"),
        ({"dataset": {"size_px": True}}, r"size_px is True; expected a whole number from 16"),
        ({"dataset": {"samples_per_pixel": 9}}, "samples_per_pixel is 9; expected one of 1, 4, 16"),
        ({"dataset": {"alpha": "none"}}, "alpha is 'none'; expected one of premultiplied, straight"),
        ({"dataset": {"pose_space": "tha9"}}, "pose_space is 'tha9'; expected one of tha1"),
        ({"dataset": {"outline_px": -1}}, "outline_px is -1; expected a number from 0 to 16"),
        ({"dataset": {"shading": "flat"}}, "shading is 'flat'; expected one of phong, toon"),
        ({"dataset": {"maps": ["deep"]}}, r"maps is \['deep'\]; expected a list of some of depth, normal"),
        ({"framing": {"head_height_px": 0}}, "head_height_px is 0; expected a number from 1"),
        ({"framing": {"head_center_px": [1]}}, r"head_center_px is \[1\]; expected a column and a row"),
        ({"light": {"preset": "tha9"}}, "preset is 'tha9'; expected one of tha1, tha1-bright, tha2"),
        ({"light": {"ambient": [2, 1]}}, r"\[light\] ambient is \[2, 1\]; expected a number"),
        ({"light": {"ambient": float("nan")}}, "ambient is nan"),
        ({"models": {"folders": "a"}, "builtin": 1}, "folders is 'a'; expected a list of texts"),
        ({"splits": {"train": {}}}, r"\[splits.train\] samples is missing; expected a whole number"),
        ({"splits": {"trian": {"samples": 1}}}, r"\[splits\] has no setting 'trian'; did you mean 'train'"),
        ({"splits": {"train": {"samples": 0}}}, "samples is 0; expected a whole number from 1"),
        ({"splits": {"train": {"samples": 1, "share": 2}}}, "share is 2; expected a number from 0 to 1"),
        ({"splits": {}}, "has no split"),
        ({"models": {}}, "names no models"),
        ({"dataset": 3}, "'dataset' must be a table"),
        ({"lights": {}}, "the file has no setting 'lights'; did you mean 'light'"),
    ],
)
def test_what_is_wrong_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence) as caught:
        document(changes)
    assert str(caught.value).startswith("mmdgen.toml: ")
    assert "\n" not in str(caught.value)


def test_the_articles_data_set_is_ready() -> None:
    config = read_config(CHECKOUT / "manifests" / "tha1.toml")
    samples = {rule.split.value: rule.samples for rule in config.splits}
    assert samples == {"train": 500_000, "validation": 10_000, "test": 10_000}
    assert (config.size_px, config.samples_per_pixel, config.alpha) == (256, 16, Alpha.PREMULTIPLIED)
    assert config.annotations == CHECKOUT / "manifests" / "annotations"


def test_the_small_data_set_has_12_characters_and_600_samples_at_least() -> None:
    config = read_config(CHECKOUT / "mmdgen.toml")
    assert config.builtin >= 12
    assert sum(rule.samples for rule in config.splits) >= 600
    groups = [f"cast-{number:03d}" for number in range(config.builtin)]
    splits = [assign_split(group, config.splits) for group in groups]
    assert {split: splits.count(split) for split in Split} == {
        Split.TRAIN: 12,
        Split.VALIDATION: 2,
        Split.TEST: 2,
    }


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no such file.*--config"):
        read_config(tmp_path / "mmdgen.toml")


def test_broken_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"not valid TOML.*line 2"):
        read_config(write(tmp_path, '[dataset]\nname = "x\n'))


def test_a_split_that_is_not_configured_is_named() -> None:
    with pytest.raises(DatasetError, match=r"no \[splits.test\]; it has train"):
        document({}).rule(Split.TEST)


def test_models_can_be_grouped_compared_and_set_aside_otherwise() -> None:
    models = {"builtin": 1, "group_depth": 2, "group_pattern": "(a)", "keep": "best", "look_alikes": False}
    config = document({"models": models | {"max_missing_texture": 0.5}})
    assert config.grouping == Grouping(2, "(a)")
    assert (config.keep, config.look_alikes, config.max_missing_texture) == (Keep.BEST, False, 0.5)
    usual = document({})
    assert (usual.keep, usual.look_alikes, usual.max_missing_texture) == (Keep.ALL, True, 0.25)
    with pytest.raises(
        DatasetError, match=r"mmdgen.toml: \[models\] group_pattern '\(' is no regular expression"
    ):
        document({"models": {"builtin": 1, "group_pattern": "("}})
    with pytest.raises(DatasetError, match=r"\[models\] look_alikes is 1; expected true or false"):
        document({"models": {"builtin": 1, "look_alikes": 1}})


def test_rules_of_quality_can_be_changed_and_turned_off() -> None:
    rules = document({"quality": {"max_cut": 0.3, "min_head": False}}).quality
    assert rules == replace(QualityRules(), max_cut=0.3, min_head=None)
    with pytest.raises(
        DatasetError, match=r"\[quality\] max_cut is True; expected a number from 0 to 1, or false"
    ):
        document({"quality": {"max_cut": True}})


def test_parameters_can_be_drawn_otherwise() -> None:
    pose = {
        "head_y": {"density": "uniform", "range": [-0.5, 1]},
        "mouth": {"value": 0.25},
        "left_eye": {"density": "one-sided"},
    }
    space = document({"pose": pose}).space
    assert space.names == THA1.names
    drawn = {row.name: (row.density, row.low, row.high) for row in space.parameters}
    assert drawn["head_y"] == (Density.UNIFORM, -0.5, 1.0)
    assert drawn["mouth"] == (Density.CONSTANT, 0.25, 0.25)
    assert drawn["left_eye"] == (Density.ONE_SIDED, 0.0, 1.0)
    assert space.parameters[0] == THA1.parameters[0]
    assert (space.rest_vector() == THA1.rest_vector()).all()


@pytest.mark.parametrize(
    ("pose", "sentence"),
    [
        ({"jaw": {"value": 1}}, r"\[pose\] has no setting 'jaw'"),
        (
            {"mouth": {"range": [1, 0]}},
            r"\[pose.mouth\] range is \[1, 0\]; expected a range inside \[0.0, 1.0\]",
        ),
        ({"mouth": {"density": "bell"}}, r"expected one of uniform, v-shaped, one-sided"),
        ({"mouth": {"value": 2}}, r"expected a number from 0 to 1"),
        ({"mouth": {"value": 1, "density": "uniform"}}, r"has no setting 'density'"),
    ],
)
def test_a_parameter_that_cannot_be_drawn_so_is_refused(pose: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        document({"pose": pose})
