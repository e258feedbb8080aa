"""The plan of a split: which samples of which models stand in which shard. Pure.

The same configuration and models give the same plan and the same fingerprint, and the fingerprint decides
every byte of the shards. No path, host or time is in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmdgen.dataset.config import DatasetConfig, Split
from mmdgen.dataset.keys import SampleKey, shuffled
from mmdgen.dataset.splits import assign_split
from mmdgen.errors import DatasetError

RECIPE_VERSION = 2  # raise it when the same plan would give other pixels or other labels


@dataclass(frozen=True, slots=True)
class SourceModel:
    """All that a plan needs to know of a usable model."""

    model_id: str
    group: str
    annotation_digest: str
    textures_digest: str = ""


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model of the split and how many samples it gives."""

    model_id: str
    group: str
    annotation_digest: str
    textures_digest: str
    samples: int


@dataclass(frozen=True, slots=True)
class ShardPart:
    """Consecutive samples of one model."""

    model_id: str
    first: int
    count: int

    def sample_keys(self) -> Iterator[SampleKey]:
        """The samples' keys, ascending."""
        return (SampleKey(self.model_id, self.first + offset) for offset in range(self.count))


@dataclass(frozen=True, slots=True)
class ShardJob:
    """One shard to make: small, and the same wherever it is made."""

    shard: str  # "train-000012"
    split: str
    fingerprint: str
    parts: tuple[ShardPart, ...]

    @property
    def sample_count(self) -> int:
        """How many samples the shard holds if no model breaks."""
        return sum(part.count for part in self.parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """All shards of one split."""

    split: str
    fingerprint: str
    content: dict[str, Any]  # the settings that decide pictures and labels
    models: tuple[PlannedModel, ...]
    jobs: tuple[ShardJob, ...]

    @property
    def sample_count(self) -> int:
        """How many samples all shards hold if no model breaks."""
        return sum(model.samples for model in self.models)


def plan_dataset(config: DatasetConfig, models: Sequence[SourceModel], split: Split) -> Plan:
    """Plan one split.

    The models of a shard are drawn at random over the split, so that a sequential stream is mixed. A model's
    samples stand in one shard, unless it has more than a shard holds.

    Raises:
        DatasetError: the configuration has no such split, or no model falls into it.
    """
    rule = config.rule(split)
    mine = [model for model in models if assign_split(model.group, config.splits) is split]
    if not mine:
        raise DatasetError(_nothing_falls_into(split, rule.groups, models))
    order = shuffled(mine, lambda model: model.model_id, config.seed)
    planned = _share_out(rule.samples, order)
    content = content_settings(config, split)
    fingerprint = _fingerprint(content, planned)
    jobs = tuple(
        ShardJob(shard=f"{split.value}-{number:06d}", split=split.value, fingerprint=fingerprint, parts=parts)
        for number, parts in enumerate(_pack(planned, config.shard_size))
    )
    return Plan(split=split.value, fingerprint=fingerprint, content=content, models=tuple(planned), jobs=jobs)


def content_settings(config: DatasetConfig, split: Split) -> dict[str, Any]:
    """The settings that decide what is in the shards of a split."""
    return {
        "recipe": RECIPE_VERSION,
        "seed": config.seed,
        "samples": config.rule(split).samples,
        "shard_size": config.shard_size,
        "size_px": config.size_px,
        "samples_per_pixel": config.samples_per_pixel,
        "alpha": config.alpha.value,
        "outline_px": config.outline_px,
        "shading": config.shading.value,
        "head_height_px": config.framing.head_height_px,
        "head_center_px": list(config.framing.head_center_px),
        "maps": [kind.value for kind in config.maps],
        "pose_space": config.pose_space,
        "pose": [
            [parameter.name, parameter.density.value, parameter.low, parameter.high]
            for parameter in config.space.parameters
        ],
        "light": asdict(config.light),
        "quality": asdict(config.quality),
    }


def plan_to_json(plan: Plan) -> str:
    """The plan as JSON text: one line for each model and each shard."""
    head = {"split": plan.split, "fingerprint": plan.fingerprint, "content": plan.content}
    models = [json.dumps(asdict(model), sort_keys=True, ensure_ascii=False) for model in plan.models]
    jobs = [
        json.dumps({"shard": job.shard, "parts": [[p.model_id, p.first, p.count] for p in job.parts]})
        for job in plan.jobs
    ]
    return (
        json.dumps(head, indent=1, sort_keys=True)[:-2]
        + ',\n "models": [\n  '
        + ",\n  ".join(models)
        + '\n ],\n "shards": [\n  '
        + ",\n  ".join(jobs)
        + "\n ]\n}\n"
    )


def plan_from_json(text: str, *, source: str) -> Plan:
    """The plan of a JSON text. Raises DatasetError naming `source`."""
    try:
        document = json.loads(text)
        return Plan(
            split=document["split"],
            fingerprint=document["fingerprint"],
            content=document["content"],
            models=tuple(PlannedModel(**row) for row in document["models"]),
            jobs=tuple(
                ShardJob(
                    shard=row["shard"],
                    split=document["split"],
                    fingerprint=document["fingerprint"],
                    parts=tuple(ShardPart(*part) for part in row["parts"]),
                )
                for row in document["shards"]
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{source}: is no plan ({error}); delete it and run the command again") from error


def difference(old: Plan, new: Plan) -> str:
    """What makes two plans of a split different, in a few words."""
    changed = [key for key in new.content if new.content[key] != old.content.get(key)]
    if changed:
        key = changed[0]
        return f"{key} was {old.content.get(key)} and is now {new.content[key]}"
    old_ids = {model.model_id for model in old.models}
    new_ids = {model.model_id for model in new.models}
    if old_ids != new_ids:
        return f"{len(new_ids - old_ids)} models are new and {len(old_ids - new_ids)} are gone"
    return "a model's annotation, group or textures changed"


def _nothing_falls_into(split: Split, groups: tuple[str, ...], models: Sequence[SourceModel]) -> str:
    have = sorted({model.group for model in models})
    some = ", ".join(have[:5]) + (", ..." if len(have) > 5 else "")
    wanted = (
        f"its groups are {', '.join(groups)}" if groups else "groups are placed by the hash of their name"
    )
    there = f"there are {len(have)} groups with usable models: {some}" if have else "no model is usable"
    return f"no model falls into [splits.{split.value}]: {wanted}; {there}"


def _share_out(sample_count: int, models: Sequence[SourceModel]) -> list[PlannedModel]:
    """Give every model the same number of samples; the first ones get what is left over."""
    each, left_over = divmod(sample_count, len(models))
    planned = [
        PlannedModel(
            model_id=model.model_id,
            group=model.group,
            annotation_digest=model.annotation_digest,
            textures_digest=model.textures_digest,
            samples=each + (place < left_over),
        )
        for place, model in enumerate(models)
    ]
    return [model for model in planned if model.samples]


def _pack(models: Sequence[PlannedModel], shard_size: int) -> Iterator[tuple[ShardPart, ...]]:
    """The parts of each shard, in plan order."""
    parts: list[ShardPart] = []
    room = shard_size
    for model in models:
        for first in range(0, model.samples, shard_size):
            count = min(shard_size, model.samples - first)
            if parts and count > room:
                yield tuple(parts)
                parts, room = [], shard_size
            parts.append(ShardPart(model.model_id, first, count))
            room -= count
    if parts:
        yield tuple(parts)


def _fingerprint(content: dict[str, Any], models: Sequence[PlannedModel]) -> str:
    decides = {"content": content, "models": [asdict(model) for model in models]}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
