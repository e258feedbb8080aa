"""One model and its sample keys in, samples out: reads, binds, poses, draws and encodes.

file -> Model -> BoundModel -> Rig -> GpuModel
key -> PoseVector -> Pose -> PosedModel -> pictures -> Sample
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.schema import Annotation
from mmdgen.dataset.config import Alpha, DatasetConfig
from mmdgen.dataset.keys import SampleKey, named_rng, sample_rng
from mmdgen.dataset.quality import broken_rules, change_facts, picture_facts
from mmdgen.dataset.sample import EncodedImage, Sample, encode_image
from mmdgen.errors import DatasetError, ModelError
from mmdgen.formats import model_id, read_model_bytes
from mmdgen.formats.textures import load_texture
from mmdgen.generate.maps import encode_maps
from mmdgen.images import Image
from mmdgen.model import NO_INDEX, Bools, Model
from mmdgen.pose import PoseSpace, PoseVector, Stage
from mmdgen.render import Maps, Redraw, Renderer
from mmdgen.render.crop import find_reach
from mmdgen.rig import PosedModel, build_rig
from mmdgen.sampling.binding import BoundModel, bind_annotation
from mmdgen.sampling.poses import sample_pose_vector
from mmdgen.sampling.views import sample_light
from mmdgen.scene import Light, Shading, View, frame_head
from mmdgen.stopwatch import timed

BATCH_SAMPLES = 32  # two pictures each: bounds the memory for pictures and bone palettes


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a planned model is, and what is known of it."""

    model_id: str
    group: str
    path: Path
    annotation: Annotation


class ModelStage:
    """One model ready to be drawn under any label of a pose space. Close it to free the GPU.

    Attributes:
        reach: what of the model the labels can show.
        warnings: what is wrong with the texture files that it shows.
    """

    def __init__(self, renderer: Renderer, source: ModelSource, space: PoseSpace, view: View) -> None:
        model = _read_planned(source)
        self._renderer = renderer
        self._space = space
        self._bound: BoundModel = bind_annotation(model, source.annotation, space)
        self._rig = build_rig(self._bound.model)
        self._faces = self._pose(_corners(space, Stage.EXPRESSION))
        turned = self._pose(_corners(space, Stage.POSED))
        if not (_is_finite(self._faces) and _is_finite(turned)):
            raise ModelError(
                f"{model.source}: its poses have numbers that are not finite; the file is damaged"
            )
        self.reach = find_reach(turned, view, self._faces)
        self._view = view.with_depth_range(self.reach.depth_range)
        textures, self.warnings = visible_textures(
            model, source.path.parent, self.reach.surfaces, view.shading
        )
        self._drawn = renderer.load(self._rig, textures, self.reach, view.shading)
        with ExitStack() as undo:
            undo.callback(self._drawn.release)
            renderer.bring_forward(self._drawn, self._pose(space.rest_vector()[None]), self._view)
            undo.pop_all()

    def draw_flat(self, vectors: PoseVector) -> None:
        """The pictures of `draw` in one flat colour, thrown away: what the machine needs at the least."""
        self._renderer.draw_flat(self._drawn, self._pose(vectors), self._view)

    def draw(self, vectors: PoseVector) -> NDArray[np.uint8]:
        """Pictures of labels (N, parameters): (N, size, size, 4)."""
        return self._renderer.render(self._drawn, self._pose(vectors), self._view)

    def expressions(self) -> Redraw:
        """What draws the rest picture, and many labels with the head at rest. Close it to free the GPU."""
        rest = self._pose(self._space.rest_vector()[None])
        return self._renderer.redraw(self._drawn, rest, self._faces, self._view)

    def draw_expressions(self, expressions: Redraw, vectors: PoseVector) -> NDArray[np.uint8]:
        """The pictures of `draw`, of labels (N, parameters) with the head at rest, several times faster."""
        return expressions.render(self._pose(vectors))

    def draw_maps(self, vectors: PoseVector) -> Maps:
        """Depth, normals, and flow from the rest picture, of labels (N, parameters)."""
        rest = self._space.rest_vector()[None]
        return self._renderer.render_maps(
            self._drawn, self._pose(np.concatenate([rest, vectors])), self._view
        )

    def _pose(self, vectors: PoseVector) -> PosedModel:
        with timed("pose"):
            return self._rig.pose(self._bound.pose(vectors))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drawn.release()


def compose_samples(
    renderer: Renderer,
    source: ModelSource,
    keys: Sequence[SampleKey],
    split: str,
    config: DatasetConfig,
    *,
    on_warnings: Callable[[tuple[str, ...]], None] = lambda warnings: None,
) -> Iterator[Sample]:
    """Make the samples of one model. The rest picture is drawn and encoded once.

    `on_warnings` is told what is wrong with the textures that the pictures show.

    Raises:
        FormatError, ModelError, AnnotationError, RenderError: the model cannot be used.
        DatasetError: its file is gone or holds something else than when it was planned.
    """
    space, framing = config.space, config.framing
    light = model_light(config, source.model_id)
    view = portrait_view(source.annotation, config, light)
    with ExitStack() as stack:
        with timed("load"):
            stage = stack.enter_context(ModelStage(renderer, source, space, view))
            faces = stack.enter_context(stage.expressions())
        on_warnings(stage.warnings)
        rest_image = faces.base_image
        rest_facts = picture_facts(rest_image, framing)
        if not rest_facts["box"]:
            raise ModelError(
                f"{source.path.name}: its rest picture is empty; check the head in its annotation"
            )
        rest = encode_image(rest_image)
        for first in range(0, len(keys), BATCH_SAMPLES):
            batch = keys[first : first + BATCH_SAMPLES]
            vectors = np.stack([sample_pose_vector(space, sample_rng(config.seed, key)) for key in batch])
            faces_only = space.expression_vector(vectors)
            expressions = stage.draw_expressions(faces, faces_only)
            pairs = zip(
                expressions, stage.draw(vectors), _maps(stage, faces_only, vectors, config), strict=True
            )
            for key, vector, (expression, posed, maps) in zip(batch, vectors, pairs, strict=True):
                quality = {
                    "rest": rest_facts,
                    "expression": picture_facts(expression, framing)
                    | change_facts(expression, rest_image, framing, of="rest"),
                    "posed": picture_facts(posed, framing)
                    | change_facts(posed, expression, framing, of="expression"),
                }
                yield Sample(
                    key=key,
                    group=source.group,
                    split=split,
                    seed=config.seed,
                    space=space,
                    vector=vector,
                    light=light,
                    rest=rest,
                    expression=_encode_or_reuse(expression, rest_image, rest),
                    posed=encode_image(posed),
                    maps=maps,
                    quality=quality,
                    broken_rules=broken_rules(quality, vector, space, framing, config.quality),
                )


def _maps(
    stage: ModelStage, expressions: PoseVector, vectors: PoseVector, config: DatasetConfig
) -> list[dict[str, bytes]]:
    """The maps of each sample that the configuration asks for."""
    if not config.maps:
        return [{} for _ in vectors]
    of_expressions, of_posed = stage.draw_maps(expressions), stage.draw_maps(vectors)
    return [
        encode_maps(of_expressions, row, "expression", config.maps)
        | encode_maps(of_posed, row, "posed", config.maps)
        for row in range(len(vectors))
    ]


def model_light(config: DatasetConfig, model: str) -> Light:
    """The light of all pictures of a model, drawn from the configuration's ranges."""
    return sample_light(config.light, named_rng(config.seed, f"light:{model}"))


def portrait_view(annotation: Annotation, config: DatasetConfig, light: Light) -> View:
    """The view that puts the annotated head where the data set wants it."""
    head = annotation.head
    return View(
        camera=frame_head(head.bottom, head.top, head.center_x, framing=config.framing),
        light=light,
        size_px=config.size_px,
        samples_per_axis=config.samples_per_axis,
        outline_px=config.outline_px,
        premultiplied=config.alpha is Alpha.PREMULTIPLIED,
        shading=config.shading,
    )


def _read_planned(source: ModelSource) -> Model:
    """The model, if its file still holds what was planned."""
    try:
        data = source.path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DatasetError(
            f"{source.path}: cannot be read any more ({reason}); put it back and run the same command again"
        ) from error
    if model_id(data) != source.model_id:
        raise DatasetError(
            f"{source.path}: was changed while the data set was made; run the same command again to plan anew"
        )
    return read_model_bytes(data, source=source.path.name)


def _is_finite(posed: PosedModel) -> bool:
    return bool(np.isfinite(posed.bone_palette).all() and np.isfinite(posed.vertex_offsets).all())


def _corners(space: PoseSpace, stage: Stage) -> PoseVector:
    """The rest label and the corners of a stage's parameters, the others at rest: (N, parameters)."""
    limits = [
        (parameter.low, parameter.high) if parameter.stage is stage else (parameter.rest,)
        for parameter in space.parameters
    ]
    return np.array([tuple(space.rest_vector()), *product(*limits)], np.float64)


def visible_textures(
    model: Model, folder: Path, triangles: Bools, shading: Shading = Shading.PHONG
) -> tuple[dict[int, Image], tuple[str, ...]]:
    """The pictures of the materials that can be seen at all, each file decoded once, and their warnings."""
    materials = model.materials
    seen: set[int] = set()
    for material, (first, end) in enumerate(materials.face_ranges()):
        if not triangles[first:end].any():
            continue
        seen.add(int(materials.textures[material]))
        if shading is Shading.TOON:
            seen.add(int(materials.sphere_textures[material]))
            seen.add(NO_INDEX if materials.shared_toons[material] else int(materials.toons[material]))
    seen.discard(NO_INDEX)
    loaded = {index: load_texture(folder, model.textures[index]) for index in sorted(seen)}
    pictures = {index: texture.pixels for index, texture in loaded.items() if texture.pixels is not None}
    return pictures, tuple(warning for texture in loaded.values() for warning in texture.warnings)


def _encode_or_reuse(image: Image, rest_image: Image, rest: EncodedImage) -> EncodedImage:
    return rest if np.array_equal(image, rest_image) else encode_image(image)
