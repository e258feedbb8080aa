"""`mmdgen.toml`: which models, how many samples in which split, and how the pictures look.

Unknown settings, wrong types and impossible numbers are errors that name the file and the setting.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from mmdgen.catalog.scan import Grouping
from mmdgen.dataset.places import Place, parse_place
from mmdgen.dataset.quality import QualityRules
from mmdgen.errors import DatasetError
from mmdgen.pose import POSE_SPACES, Density, PoseSpace
from mmdgen.sampling.views import LIGHTS, LightRanges, Range
from mmdgen.scene import Framing, Shading

SAMPLES_PER_AXIS = {1: 1, 4: 2, 16: 4}
MAX_SIZE_PX = 4096
MAX_SEED = 2**63 - 1  # as records and tables hold it


class Split(StrEnum):
    """What a model's pictures are for. A property of its source group."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class MapKind(StrEnum):
    """An array that can be stored beside a picture (see docs/reference/dataset-format.md)."""

    DEPTH = "depth"
    NORMAL = "normal"
    FLOW = "flow"


class Alpha(StrEnum):
    """How colours are stored: multiplied by alpha in linear light (THA1), or straight."""

    PREMULTIPLIED = "premultiplied"
    STRAIGHT = "straight"


class Keep(StrEnum):
    """What is used of models that show the same character (see docs/reference/configuration.md)."""

    ALL = "all"  # every one, all in one split
    BEST = "best"  # the most complete one


@dataclass(frozen=True, slots=True)
class PoseDraw:
    """How a pose parameter is drawn, where not as its pose space says."""

    name: str
    density: Density
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How many samples a split has, and which groups of models it takes."""

    split: Split
    samples: int
    groups: tuple[str, ...] = ()  # patterns such as "anime/*"; they come before shares
    share: float | None = None  # of the groups that no pattern names; None: the usual share


@dataclass(frozen=True, slots=True)
class DatasetConfig:
    """The description of a data set."""

    name: str
    out: Place
    splits: tuple[SplitRule, ...]
    seed: int = 0
    size_px: int = 256
    samples_per_pixel: int = 16
    shard_size: int = 1000
    alpha: Alpha = Alpha.PREMULTIPLIED
    outline_px: float = 0.5  # thickness of an edge of size 1, in pixels at 256; 0 = no outline
    shading: Shading = Shading.PHONG
    head_height_px: float | None = None  # from chin to head top; None: half the picture's side
    head_center_px: tuple[float, float] | None = None  # column, row; None: the picture's middle
    maps: tuple[MapKind, ...] = ()  # arrays to store beside the expression and posed pictures
    pose_space: str = "tha1"
    pose_draws: tuple[PoseDraw, ...] = ()
    builtin: int = 0  # how many built-in characters
    folders: tuple[Path, ...] = ()
    home: Path = Path()  # the configuration file's folder
    grouping: Grouping = field(default_factory=Grouping)
    look_alikes: bool = True  # whether models are compared by their pictures too
    keep: Keep = Keep.ALL
    max_missing_texture: float = 0.25  # share of what the picture shows; a model with more is not used
    quality: QualityRules = field(default_factory=QualityRules)
    annotations: Path = Path("manifests/annotations")
    light: LightRanges = field(default_factory=LightRanges)

    @property
    def samples_per_axis(self) -> int:
        """Side of the square grid of samples in a pixel."""
        return SAMPLES_PER_AXIS[self.samples_per_pixel]

    @property
    def characters(self) -> Path:
        """The built-in characters' folder: in the data set, or beside the file if that is remote."""
        return (self.out if isinstance(self.out, Path) else self.home) / "characters"

    @property
    def framing(self) -> Framing:
        """The canvas, and where the head stands on it."""
        middle = self.size_px / 2
        return Framing(
            size_px=self.size_px,
            head_height_px=self.head_height_px or middle,
            head_center_px=self.head_center_px or (middle, middle),
        )

    @property
    def space(self) -> PoseSpace:
        """The pose space whose parameters are drawn, with the ranges and densities that are set."""
        usual, draws = POSE_SPACES[self.pose_space], {draw.name: draw for draw in self.pose_draws}
        return PoseSpace(
            usual.name,
            tuple(
                replace(parameter, low=draw.low, high=draw.high, density=draw.density)
                if (draw := draws.get(parameter.name)) is not None
                else parameter
                for parameter in usual.parameters
            ),
        )

    def rule(self, split: Split) -> SplitRule:
        """The rule of a split. Raises DatasetError if the configuration has none."""
        for rule in self.splits:
            if rule.split is split:
                return rule
        known = ", ".join(rule.split.value for rule in self.splits)
        raise DatasetError(f"the configuration has no [splits.{split.value}]; it has {known}")


def read_config(path: Path) -> DatasetConfig:
    """Read a configuration file. Relative paths in it are relative to its folder.

    Raises:
        DatasetError: there is no such file, or something in it is unknown, of a wrong type or impossible.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: no such file; write one (see docs/reference/configuration.md) or name one with --config"
        ) from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DatasetError(f"{path}: is not valid TOML: {error}") from error
    return config_from_document(document, source=str(path), folder=path.parent)


def config_from_document(document: Mapping[str, Any], *, source: str, folder: Path) -> DatasetConfig:
    """The configuration that a parsed TOML document describes; see `read_config`."""
    top = _Table(document, source, "")
    dataset, models, light = top.table("dataset"), top.table("models"), top.table("light")
    annotations, splits = top.table("annotations"), top.table("splits")
    framing, quality, pose = top.table("framing"), top.table("quality"), top.table("pose")
    pose_space = dataset.one_of("pose_space", "tha1", tuple(POSE_SPACES))
    config = DatasetConfig(
        name=dataset.text("name", "mmdgen"),
        out=parse_place(dataset.text("out", "dataset"), folder),
        home=folder,
        seed=dataset.whole("seed", 0, 0, MAX_SEED),
        size_px=dataset.whole("size_px", 256, 16, MAX_SIZE_PX),
        samples_per_pixel=dataset.one_of("samples_per_pixel", 16, tuple(SAMPLES_PER_AXIS)),
        shard_size=dataset.whole("shard_size", 1000, 1, 10_000),
        alpha=Alpha(dataset.one_of("alpha", "premultiplied", tuple(item.value for item in Alpha))),
        outline_px=dataset.number("outline_px", 0.5, 0.0, 16.0),
        shading=Shading(dataset.one_of("shading", "phong", tuple(item.value for item in Shading))),
        head_height_px=framing.optional_number("head_height_px", 1.0, 2.0 * MAX_SIZE_PX),
        head_center_px=framing.point("head_center_px", -2.0 * MAX_SIZE_PX, 2.0 * MAX_SIZE_PX),
        maps=tuple(MapKind(item) for item in dataset.some_of("maps", tuple(item.value for item in MapKind))),
        pose_space=pose_space,
        pose_draws=_pose_draws(pose, POSE_SPACES[pose_space]),
        builtin=models.whole("builtin", 0, 0, 10_000),
        folders=tuple(folder / Path(item).expanduser() for item in models.texts("folders")),
        grouping=_grouping(models),
        look_alikes=models.flag("look_alikes", default=True),
        keep=Keep(models.one_of("keep", "all", tuple(item.value for item in Keep))),
        max_missing_texture=models.number("max_missing_texture", 0.25, 0.0, 1.0),
        quality=_quality(quality),
        annotations=folder / annotations.path("folder", "manifests/annotations"),
        light=_light(light),
        splits=tuple(
            _split_rule(splits.table(split.value), split) for split in Split if splits.has(split.value)
        ),
    )
    for table in (top, dataset, models, framing, light, annotations, splits, quality, pose):
        table.refuse_unknown()
    if not config.splits:
        raise DatasetError(f"{source}: has no split; add for example [splits.train] with samples = 1000")
    if not config.builtin and not config.folders:
        raise DatasetError(f'{source}: names no models; set builtin = 16 or folders = ["~/mmd"] in [models]')
    return config


def _light(table: _Table) -> LightRanges:
    usual = LIGHTS[table.one_of("preset", "tha1", tuple(LIGHTS))]
    return LightRanges(
        ambient=table.range("ambient", usual.ambient),
        directional=table.range("directional", usual.directional),
    )


def _grouping(table: _Table) -> Grouping:
    depth = table.whole("group_depth", 1, 1, 16)
    pattern = table.optional_text("group_pattern")
    try:
        return Grouping(depth, pattern)
    except DatasetError as error:
        raise DatasetError(f"{table.source}: [models] group_pattern {error}") from None


def _quality(table: _Table) -> QualityRules:
    usual = QualityRules()
    return QualityRules(
        **{rule.name: table.limit(rule.name, getattr(usual, rule.name), 1.0) for rule in fields(QualityRules)}
    )


def _pose_draws(pose: _Table, space: PoseSpace) -> tuple[PoseDraw, ...]:
    """The settings of [pose.NAME]; what is not said there is as the pose space has it."""
    draws = []
    for usual in space.parameters:
        if not pose.has(usual.name):
            continue
        table = pose.table(usual.name)
        if table.has("value"):
            value = table.number("value", usual.rest, usual.low, usual.high)
            draws.append(PoseDraw(usual.name, Density.CONSTANT, value, value))
        else:
            low, high = table.interval("range", (usual.low, usual.high))
            drawn = tuple(item.value for item in Density if item is not Density.CONSTANT)
            density = Density(table.one_of("density", usual.density.value, drawn))
            draws.append(PoseDraw(usual.name, density, low, high))
        table.refuse_unknown()
    return tuple(draws)


def _split_rule(table: _Table, split: Split) -> SplitRule:
    rule = SplitRule(
        split=split,
        samples=table.whole("samples", None, 1, 10**9),
        groups=table.texts("groups"),
        share=table.share("share"),
    )
    table.refuse_unknown()
    return rule


class _Table:
    """One table of the document. Remembers what was asked for, so that it knows what is unknown."""

    def __init__(self, values: Mapping[str, Any], source: str, name: str) -> None:
        self._values = values
        self.source = source
        self._name = name
        self._known: list[str] = []

    def has(self, key: str) -> bool:
        self._known.append(key)
        return key in self._values

    def table(self, key: str) -> _Table:
        value = self._get(key, {})
        name = f"{self._name}.{key}" if self._name else key
        if not isinstance(value, dict):
            raise DatasetError(f"{self.source}: '{name}' must be a table, written [{name}]")
        return _Table(value, self.source, name)

    def text(self, key: str, default: str) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or not value:
            raise self._wrong(key, value, "a text in quotes")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key, "") if self.has(key) else None

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def path(self, key: str, default: str) -> Path:
        return Path(self.text(key, default)).expanduser()

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self._wrong(key, value, 'a list of texts such as ["a", "b"]')
        return tuple(value)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        value = self._get(key, default)
        if not _is_number(value) or not low <= value <= high:
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        value = self._get(key, default)
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(key, value, f"a whole number from {low} to {high}")
        return value

    def one_of(self, key: str, default: Any, known: Sequence[Any]) -> Any:
        value = self._get(key, default)
        if value not in known or isinstance(value, bool):
            raise self._wrong(key, value, "one of " + ", ".join(str(item) for item in known))
        return value

    def share(self, key: str) -> float | None:
        return self.number(key, 0.0, 0.0, 1.0) if self.has(key) else None

    def optional_number(self, key: str, low: float, high: float) -> float | None:
        return None if self._get(key, None) is None else self.number(key, low, low, high)

    def limit(self, key: str, default: float | None, high: float) -> float | None:
        """A number from 0, or false for no limit."""
        value = self._get(key, False if default is None else default)
        if value is False:
            return None
        if not _is_number(value) or not 0.0 <= value <= high:
            raise self._wrong(key, value, f"a number from 0 to {high:g}, or false to turn the rule off")
        return float(value)

    def interval(self, key: str, outer: tuple[float, float]) -> tuple[float, float]:
        """Two different numbers inside `outer`, the smaller first."""
        value = self._get(key, list(outer))
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(_is_number(end) for end in value)
            or not outer[0] <= value[0] < value[1] <= outer[1]
        ):
            raise self._wrong(key, value, f"a range inside {list(outer)}")
        return float(value[0]), float(value[1])

    def point(self, key: str, low: float, high: float) -> tuple[float, float] | None:
        value = self._get(key, None)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(_is_number(number) and low <= number <= high for number in value)
        ):
            raise self._wrong(key, value, "a column and a row such as [256, 128]")
        return float(value[0]), float(value[1])

    def some_of(self, key: str, known: Sequence[str]) -> tuple[str, ...]:
        value = self.texts(key)
        if len(set(value)) != len(value) or not set(value) <= set(known):
            raise self._wrong(key, list(value), f"a list of some of {', '.join(known)}")
        return tuple(item for item in known if item in value)

    def range(self, key: str, default: Range) -> Range:
        value = self._get(key, [default.low, default.high])
        ends = value if isinstance(value, list) else [value, value]
        if len(ends) != 2 or not all(_is_number(end) and end <= 100.0 for end in ends):
            raise self._wrong(key, value, "a number or a range such as [0.5, 1.2]")
        try:
            return Range(float(ends[0]), float(ends[1]))
        except DatasetError:
            raise self._wrong(key, value, "a number from 0 to 100 or a range [low, high]") from None

    def refuse_unknown(self) -> None:
        """Raise DatasetError for the first setting that nobody asked for."""
        for key in self._values:
            if key in self._known:
                continue
            nearest = difflib.get_close_matches(key, self._known, n=1)
            hint = f"did you mean '{nearest[0]}'? Known" if nearest else "known"
            place = f"[{self._name}]" if self._name else "the file"
            raise DatasetError(
                f"{self.source}: {place} has no setting '{key}'; {hint} are {', '.join(sorted(self._known))}"
            )

    def _get(self, key: str, default: Any) -> Any:
        self._known.append(key)
        return self._values.get(key, default)

    def _wrong(self, key: str, value: Any, expected: str) -> DatasetError:
        found = "is missing" if value is None else f"is {value!r}"
        return DatasetError(f"{self.source}: [{self._name}] {key} {found}; expected {expected}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # not NaN
