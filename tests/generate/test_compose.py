"""Samples of one model: what shows in which picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdgen.dataset.config import DatasetConfig, MapKind
from mmdgen.dataset.keys import SampleKey
from mmdgen.dataset.reader import decode_png
from mmdgen.dataset.sample import Sample, pixel_sha256
from mmdgen.errors import DatasetError, ModelError, RenderError
from mmdgen.formats import model_id, write_pmx
from mmdgen.generate.compose import ModelSource, ModelStage, compose_samples, model_light, portrait_view
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.render.gpu_model import GpuModel
from mmdgen.scene import Shading
from tests.builders import bone, build_model, vertex, vertex_morph
from tests.generate.conftest import annotate_tiny, tiny_character

MakeDataset = Callable[..., DatasetConfig]


def source_of(config: DatasetConfig, number: int = 0) -> ModelSource:
    path = config.folders[0] / f"tiny-{number}" / "model.pmx"
    identity = model_id(path.read_bytes())
    return ModelSource(identity, f"tiny-{number}", path, annotate_tiny(identity))


def samples_of(renderer: Renderer, config: DatasetConfig, indices: range) -> list[Sample]:
    source = source_of(config)
    keys = [SampleKey(source.model_id, index) for index in indices]
    return list(compose_samples(renderer, source, keys, "train", config))


def draw(renderer: Renderer, config: DatasetConfig, **pose: float) -> np.ndarray:
    source = source_of(config)
    view = portrait_view(source.annotation, config, model_light(config, source.model_id))
    with ModelStage(renderer, source, THA1, view) as stage:
        return stage.draw(THA1.vector(**pose)[None])[0]


def test_samples_hang_on_their_keys_not_on_their_batch(renderer: Renderer, make_dataset: MakeDataset) -> None:
    config = make_dataset(1)
    together = {str(sample.key): sample for sample in samples_of(renderer, config, range(40))}
    alone = samples_of(renderer, config, range(37, 38))[0]
    other = together[str(alone.key)]
    assert alone.posed == other.posed
    assert alone.expression == other.expression
    assert alone.rest == other.rest
    np.testing.assert_array_equal(alone.vector, other.vector)


def test_a_model_is_freed_when_the_driver_refuses_it_midway(
    renderer: Renderer, make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[GpuModel] = []

    def refuse(self: Renderer, model: GpuModel, *_: object) -> None:
        loaded.append(model)
        raise RenderError("as asked")

    monkeypatch.setattr(Renderer, "bring_forward", refuse)
    with pytest.raises(RenderError, match="as asked"):
        samples_of(renderer, make_dataset(1), range(1))
    assert [type(one.surfaces.index_buffer.mglo).__name__ for one in loaded] == ["InvalidObject"]


def test_what_is_seen_at_rest_is_drawn_first(
    renderer: Renderer, make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    poses = []
    monkeypatch.setattr(Renderer, "bring_forward", lambda self, model, base, view: poses.append(base))
    draw(renderer, make_dataset(1))
    assert [len(pose.bone_palette) for pose in poses] == [1]
    assert (poses[0].bone_palette == np.eye(4)).all()


def test_the_pixel_hash_is_that_of_the_decoded_png(renderer: Renderer, make_dataset: MakeDataset) -> None:
    for sample in samples_of(renderer, make_dataset(1), range(3)):
        for picture in (sample.rest, sample.expression, sample.posed):
            assert pixel_sha256(decode_png(picture.png)) == picture.pixel_sha256


def test_the_zero_pose_with_the_mouth_open_is_the_rest_picture(
    renderer: Renderer, make_dataset: MakeDataset
) -> None:
    config = make_dataset(1)
    rest = decode_png(samples_of(renderer, config, range(1))[0].rest.png)
    np.testing.assert_array_equal(draw(renderer, config, mouth=1.0), rest)
    assert not np.array_equal(draw(renderer, config, mouth=0.0), rest)


def test_the_left_eye_closes_on_the_viewers_right(renderer: Renderer, make_dataset: MakeDataset) -> None:
    config = make_dataset(1)
    differs = (draw(renderer, config) != draw(renderer, config, left_eye=1.0)).any(axis=-1)
    assert differs[:, 16:].any()
    assert not differs[:, :16].any()


def test_the_expression_picture_does_not_turn_the_head(renderer: Renderer, make_dataset: MakeDataset) -> None:
    config = make_dataset(1)
    for sample in samples_of(renderer, config, range(4)):
        pose = dict(zip(THA1.names, sample.vector.tolist(), strict=True))
        face = {name: pose[name] for name in ("left_eye", "right_eye", "mouth")}
        np.testing.assert_array_equal(decode_png(sample.expression.png), draw(renderer, config, **face))
        np.testing.assert_array_equal(decode_png(sample.posed.png), draw(renderer, config, **pose))


def test_the_head_stands_in_the_middle_half(renderer: Renderer, make_dataset: MakeDataset) -> None:
    image = draw(renderer, make_dataset(1))
    rows = np.flatnonzero((image[:, 16] != 0).any(axis=-1))
    assert rows[0] == 8  # the top of the face at 12 is a quarter from the upper border
    assert (image[:8] == 0).all()


def test_the_facts_say_what_changed(renderer: Renderer, make_dataset: MakeDataset) -> None:
    for sample in samples_of(renderer, make_dataset(1), range(4)):
        assert 0.0 < sample.quality["rest"]["coverage"] < 1.0
        assert 0.0 < sample.quality["expression"]["changed_from_rest"] < 0.2
        assert sample.quality["posed"]["changed_from_expression"] > 0.0


def test_an_empty_rest_picture_is_said(renderer: Renderer, make_dataset: MakeDataset) -> None:
    config = make_dataset(1)
    source = source_of(config)
    head = source.annotation.head
    far = type(head)(bottom=500.0, top=501.0, center_x=0.0, provenance=head.provenance)
    lost = ModelSource(
        source.model_id,
        source.group,
        source.path,
        type(source.annotation)(source.model_id, far, source.annotation.roles),
    )
    with pytest.raises(ModelError, match=r"model.pmx: its rest picture is empty; check the head"):
        list(compose_samples(renderer, lost, [SampleKey(source.model_id, 0)], "train", config))


def test_a_model_that_changed_since_the_plan_is_not_the_models_fault(
    renderer: Renderer, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    config = make_dataset(1)
    source = source_of(config)
    source.path.write_bytes(source.path.read_bytes() + b"\0")
    with pytest.raises(DatasetError, match="was changed while the data set was made"):
        list(compose_samples(renderer, source, [SampleKey(source.model_id, 0)], "train", config))
    source.path.unlink()
    with pytest.raises(DatasetError, match="cannot be read any more"):
        list(compose_samples(renderer, source, [SampleKey(source.model_id, 0)], "train", config))


def test_chosen_maps_stand_beside_the_pictures(renderer: Renderer, make_dataset: MakeDataset) -> None:
    config = replace(make_dataset(1), maps=tuple(MapKind))
    for sample in samples_of(renderer, config, range(3)):
        assert list(sample.maps) == [
            f"{picture}.{kind}.npy" for picture in ("expression", "posed") for kind in MapKind
        ]
        maps = {name: np.load(io.BytesIO(data)) for name, data in sample.maps.items()}
        size = config.size_px
        covered = ~np.isnan(maps["posed.depth.npy"])
        alpha = decode_png(sample.posed.png)[..., 3]
        assert covered.shape == (size, size)
        assert (covered == (alpha > 127)).mean() > 0.97  # one sample at the middle of a pixel, not 16
        assert maps["posed.normal.npy"].shape == (size, size, 3)
        assert maps["posed.flow.npy"].dtype == np.float16
        assert np.abs(maps["posed.flow.npy"][covered]).max() > 1.0
        assert not maps["posed.flow.npy"][~covered].any()


def test_without_maps_a_sample_has_none(renderer: Renderer, make_dataset: MakeDataset) -> None:
    assert samples_of(renderer, make_dataset(1), range(1))[0].maps == {}


def test_toon_shading_gives_other_colours_under_the_same_outline(
    renderer: Renderer, make_dataset: MakeDataset
) -> None:
    config = make_dataset(1)
    phong = draw(renderer, config)
    toon = draw(renderer, replace(config, shading=Shading.TOON))
    assert (phong[..., :3] != toon[..., :3]).any()
    np.testing.assert_array_equal(phong[..., 3] > 0, toon[..., 3] > 0)


def test_the_head_stands_where_the_framing_says(renderer: Renderer, make_dataset: MakeDataset) -> None:
    """The tiny character's face is 2 units high and 1.8 wide, its top at y = 12."""
    config = replace(make_dataset(1), size_px=128, head_height_px=32.0, head_center_px=(80.0, 40.0))
    covered = draw(renderer, config)[..., 3] > 0
    rows, columns = covered.nonzero()
    assert rows.min() == 40 - 16
    assert abs((columns.min() + columns.max() + 1) / 2 - 80) <= 1


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_a_model_whose_poses_overflow_is_left_out_with_a_reason(
    renderer: Renderer, make_dataset: MakeDataset
) -> None:
    config = make_dataset(1)
    source = source_of(config)
    far = {8: (0.0, 3e38, 0.0)}
    model = tiny_character(0)
    burst = replace(
        model,
        morphs=build_model(
            bones=[bone("頭")],
            vertices=[vertex((0, 0, 0), weights=(("頭", 1.0),))] * 20,
            morphs=[vertex_morph("左目", far), vertex_morph("右目", far), vertex_morph("あ", far)],
        ).morphs,
    )
    data = write_pmx(burst)
    source.path.write_bytes(data)
    identity = model_id(data)
    source = replace(source, model_id=identity, annotation=annotate_tiny(identity))
    with pytest.raises(ModelError, match="numbers that are not finite"):
        list(compose_samples(renderer, source, [SampleKey(identity, 0)], "train", config))
