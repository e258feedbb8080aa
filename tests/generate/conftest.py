"""Tiny characters, drawn in a millisecond: flat colours, two eyes, a mouth. And data sets of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mmdgen.annotate.schema import Annotation, HeadBounds, MorphChoice, Origin, Provenance, Role
from mmdgen.annotate.store import AnnotationStore
from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.dataset.places import Place
from mmdgen.dataset.plan import Plan
from mmdgen.dataset.quality import QualityRules
from mmdgen.formats import model_id, write_pmx
from mmdgen.generate.engines import EngineSettings
from mmdgen.generate.runner import RunSummary, plan_split, prepare_models, run_plan
from mmdgen.generate.surveyed import SurveyedModel
from mmdgen.model import Model
from tests.builders import VertexSpec, bone, build_model, material, vertex, vertex_morph

CHECKOUT = Path(__file__).resolve().parents[2]
SAMPLES = 200
SAID = Provenance(Origin.HUMAN, "chosen")


def quad(
    x: float, y: float, half_width: float, half_height: float, z: float, bone_name: str
) -> list[VertexSpec]:
    """Four corners facing the viewer: left to right, top then bottom."""
    return [
        vertex((x + side * half_width, y + up * half_height, z), weights=((bone_name, 1.0),))
        for up in (1, -1)
        for side in (-1, 1)
    ]


def tiny_character(number: int) -> Model:
    """A character whose chin is at y = 10 and whose top is at y = 12; `number` decides colours and width."""
    hue = np.random.default_rng(number).uniform(0.2, 1.0, (4, 3))
    vertices = [
        *quad(0, 9, 1.2 - 0.05 * number, 0.9, 0.0, "首"),
        *quad(0, 11, 0.9, 1.0, -1.0, "頭"),
        *quad(0.4, 11.2, 0.2, 0.2, -1.2, "頭"),
        *quad(-0.4, 11.2, 0.2, 0.2, -1.2, "頭"),
        *quad(0, 10.4, 0.3, 0.02, -1.2, "頭"),
    ]
    faces = [corner + 4 * n for n in range(5) for corner in (0, 1, 2, 2, 1, 3)]
    shut = [(0.0, -0.39, 0.0)] * 2
    open_ = [(0.0, -0.25, 0.0)] * 2
    return build_model(
        name=f"小人{number}",
        bones=[bone("首", position=(0, 10, 0)), bone("頭", position=(0, 10.2, 0), parent="首")],
        vertices=vertices,
        faces=faces,
        materials=[
            material("体", diffuse=(*hue[0], 1.0), ambient=tuple(hue[0]), triangles=2),
            material("顔", diffuse=(*hue[1], 1.0), ambient=tuple(hue[1]), triangles=2),
            material("目", diffuse=(*hue[2], 1.0), ambient=tuple(hue[2]), triangles=4),
            material("口", diffuse=(*hue[3], 1.0), ambient=tuple(hue[3])),
        ],
        morphs=[
            vertex_morph("左目", dict(zip((8, 9), shut, strict=True))),
            vertex_morph("右目", dict(zip((12, 13), shut, strict=True))),
            vertex_morph("あ", dict(zip((18, 19), open_, strict=True))),
        ],
    )


def annotate_tiny(identity: str) -> Annotation:
    """What a person says of a tiny character."""
    roles = (Role.EYE_WINK_LEFT, Role.EYE_WINK_RIGHT, Role.MOUTH_AAA)
    names = ("左目", "右目", "あ")
    return Annotation(
        model_id=identity,
        head=HeadBounds(bottom=10.0, top=12.0, center_x=0.0, provenance=SAID),
        roles={
            role: MorphChoice(index, name, None, SAID)
            for index, (role, name) in enumerate(zip(roles, names, strict=True))
        },
    )


def tiny_toml(split: str, samples: int, out: str = "out") -> str:
    """What `write_tiny_dataset` configures, as a file beside its folders says it."""
    return f"""
[dataset]
name = "tiny"
out = "{out}"
size_px = 32
samples_per_pixel = 1
shard_size = 8
[models]
folders = ["models"]
[annotations]
folder = "annotations"
[splits.{split}]
samples = {samples}
groups = ["tiny-*"]
"""


def write_tiny_dataset(
    folder: Path, count: int = 4, *, samples: int = 24, **changes: object
) -> DatasetConfig:
    """Write tiny characters, one folder each; the configuration of a data set of them."""
    models, said = folder / "models", folder / "annotations"
    for number in range(count):
        home = models / f"tiny-{number}"
        home.mkdir(parents=True, exist_ok=True)
        data = write_pmx(tiny_character(number))
        (home / "model.pmx").write_bytes(data)
        if AnnotationStore(said).get(model_id(data)) is None:
            AnnotationStore(said).put(annotate_tiny(model_id(data)))
    config = DatasetConfig(
        name="tiny",
        out=folder / "out",
        splits=(SplitRule(Split.TRAIN, samples, groups=("tiny-*",)),),
        size_px=32,
        samples_per_pixel=1,
        shard_size=8,
        folders=(models,),
        annotations=said,
        look_alikes=False,  # they are one figure in several colours
        quality=QualityRules(min_head=None),  # and float in front of nothing
    )
    return replace(config, **changes)  # type: ignore[arg-type]


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., DatasetConfig]:
    """`write_tiny_dataset` into a folder of the test's own."""
    return partial(write_tiny_dataset, tmp_path)


@dataclass(frozen=True)
class Tiny:
    """A data set of four tiny characters: what is planned, and where the models are."""

    config: DatasetConfig
    models: list[SurveyedModel]
    plan: Plan

    def render(
        self,
        out: Place,
        *,
        workers: int | None = 1,
        shards: range | None = None,
        engine: EngineSettings | None = None,
    ) -> RunSummary:
        config = replace(self.config, out=out)
        return run_plan(self.plan, config, self.models, workers=workers, shards=shards, engine=engine)


def survey(config: DatasetConfig) -> Tiny:
    models = prepare_models(config, workers=1)
    return Tiny(config, models, plan_split(config, models, Split.TRAIN))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return survey(write_tiny_dataset(tmp_path_factory.mktemp("tiny"), 4, samples=SAMPLES))


@pytest.fixture(scope="module")
def whole(tiny: Tiny) -> Path:
    """The data set rendered undisturbed by one worker."""
    assert tiny.render(tiny.config.out).is_complete
    assert isinstance(tiny.config.out, Path)
    return tiny.config.out


def fingerprints(out: Place) -> dict[str, str]:
    """Hashes of all that must come out the same."""
    folder = out / "train"
    paths = [*folder.glob("*.tar"), *folder.glob("*.jsonl"), folder / "plan.json"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
