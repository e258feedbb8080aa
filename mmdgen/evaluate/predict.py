"""Runs the networks over a split: numbers of every picture, or pictures of a few.

Nothing is kept of a batch but its numbers, so a split of any size fits; the pictures of the worst cases are
made again once it is known which they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdgen.dataset.keys import shuffled
from mmdgen.dataset.reader import ReadSample, SplitReader
from mmdgen.dataset.sample import PICTURES
from mmdgen.evaluate.lineup import Contestant, Lineup, full_row, morpher_row, pumarola_row, zhou_row
from mmdgen.evaluate.metrics import mean_of_squares, picture_metrics
from mmdgen.evaluate.scores import IDENTITY, Scores, Task
from mmdgen.evaluate.sheets import Case
from mmdgen.pose import THA1, Stage
from mmdgen.train.data import TASKS, network_colors, pictures_from_network
from mmdgen.train.networks import NetworkKind

READ_THREADS = 4  # decoding PNG leaves Python's lock

_FACE, _HEAD = (
    [THA1.index(name) for name in TASKS[kind].parameters]
    for kind in (NetworkKind.FACE_MORPHER, NetworkKind.FACE_ROTATOR)
)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some samples on the device; pictures (batch, 4, size, size) in network space."""

    rest: Tensor
    expression: Tensor
    posed: Tensor
    face_pose: Tensor  # (batch, 3) left_eye, right_eye, mouth
    head_pose: Tensor  # (batch, 3) head_x, head_y, neck_z

    def picture(self, name: str) -> Tensor:
        """One of a sample's pictures, by its name in a shard."""
        pictures: dict[str, Tensor] = {"rest": self.rest, "expression": self.expression, "posed": self.posed}
        return pictures[name]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one row of one task's table made of a batch."""

    task: Task
    row: str
    picture: Tensor  # (batch, 4, size, size), network space


def make_batch(read: Sequence[ReadSample], device: torch.device) -> Batch:
    """Samples as tensors on a device."""
    rest, expression, posed = (
        network_colors(torch.from_numpy(np.stack([getattr(sample, name) for sample in read])).to(device))
        for name in PICTURES
    )
    poses = torch.from_numpy(np.stack([sample.pose for sample in read])).to(device)
    return Batch(rest, expression, posed, *(poses[:, columns] for columns in (_FACE, _HEAD)))


def chosen_numbers(samples: SplitReader, limit: int | None) -> list[int]:
    """The sample numbers to evaluate: all, or `limit` of them drawn by their keys, in the shards' order."""
    everything = range(len(samples))
    if limit is None or limit >= len(samples):
        return list(everything)
    return sorted(shuffled(everything, lambda number: str(samples.keys[number]), 0)[:limit])


def score(
    samples: SplitReader,
    numbers: Sequence[int],
    lineup: Lineup,
    *,
    device: torch.device,
    batch_size: int,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Scores:
    """The metrics of some samples under every configuration. `on_progress` is told how many are done."""
    parts: dict[Task, dict[str, list[NDArray[np.float64]]]] = {}
    done = 0
    for read in _read(samples, numbers, batch_size):
        batch = make_batch(read, device)
        for prediction in predictions(lineup, batch):
            found = picture_metrics(prediction.picture, batch.picture(prediction.task.target))
            rows = parts.setdefault(prediction.task, {})
            rows.setdefault(prediction.row, []).append(found.numpy())
        done += len(read)
        on_progress(done)
    poses = samples.poses[list(numbers)].astype(np.float64)
    return Scores(
        keys=samples.keys[list(numbers)],
        characters=np.array([str(key).rsplit("-", 1)[0] for key in samples.keys[list(numbers)]]),
        values={
            task: {row: np.concatenate(columns) for row, columns in rows.items()}
            for task, rows in parts.items()
        },
        distances={task: distance_from_rest(poses, task) for task in parts},
    )


def cases(
    samples: SplitReader,
    numbers: Sequence[int],
    lineup: Lineup,
    task: Task,
    *,
    device: torch.device,
    batch_size: int,
) -> list[Case]:
    """What every configuration of a task makes of some samples, as pictures, in the order of `numbers`."""
    result = []
    for read in _read(samples, numbers, batch_size):
        batch = make_batch(read, device)
        made = [one for one in predictions(lineup, batch) if one.task is task and one.row != IDENTITY]
        errors = {one.row: mean_of_squares(one.picture - batch.picture(task.target)) for one in made}
        pictures = {one.row: pictures_from_network(one.picture) for one in made}
        for place, sample in enumerate(read):
            result.append(
                Case(
                    key=sample.key,
                    label=_label(sample, task),
                    source=getattr(sample, task.source),
                    truth=getattr(sample, task.target),
                    predictions={row: images[place] for row, images in pictures.items()},
                    mse={row: float(values[place]) for row, values in errors.items()},
                )
            )
    return result


def predictions(lineup: Lineup, batch: Batch) -> Iterator[Prediction]:
    """What every row of every task makes of a batch; a task's identity comes first.

    Without a morpher there is no whole chain, without a rotator only the morpher's task.
    """
    with torch.inference_mode():
        morphed = None
        if lineup.morphers:
            yield Prediction(Task.EXPRESSION, IDENTITY, batch.rest)
        for morpher in lineup.morphers:
            made = _call(morpher, batch.rest, batch.face_pose)[0]
            morphed = made if morphed is None else morphed
            yield Prediction(Task.EXPRESSION, morpher_row(morpher), made)
        if not lineup.rotators:
            return
        yield Prediction(Task.ROTATION, IDENTITY, batch.expression)
        yield from _rotations(lineup, Task.ROTATION, batch.expression, batch.head_pose)
        if morphed is not None:
            yield Prediction(Task.WHOLE, IDENTITY, batch.rest)
            yield from _rotations(lineup, Task.WHOLE, morphed, batch.head_pose)


def _rotations(lineup: Lineup, task: Task, picture: Tensor, pose: Tensor) -> Iterator[Prediction]:
    for rotator in lineup.rotators:
        repainted, moved, *_ = _call(rotator, picture, pose)
        yield Prediction(task, pumarola_row(rotator), repainted)
        yield Prediction(task, zhou_row(rotator), moved)
        for own, combiner in lineup.pairs:
            if own is rotator:
                combined = _call(combiner, repainted, moved, pose)[0]
                yield Prediction(task, full_row(rotator, combiner), combined)


def _call(contestant: Contestant, *inputs: Tensor) -> Sequence[Tensor]:
    assert contestant.network is not None
    outputs: Sequence[Tensor] = contestant.network(*inputs)
    return outputs


def distance_from_rest(poses: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """How far the parameter that is farthest from rest is, of those a task changes: (pictures,) in 0..1."""
    stages = {
        Task.EXPRESSION: (Stage.EXPRESSION,),
        Task.ROTATION: (Stage.POSED,),
        Task.WHOLE: (Stage.EXPRESSION, Stage.POSED),
    }[task]
    shares = [
        np.abs(poses[:, number] - one.rest) / max(one.high - one.rest, one.rest - one.low)
        for number, one in enumerate(THA1.parameters)
        if one.stage in stages
    ]
    return np.asarray(np.max(shares, axis=0), np.float64)


def _label(sample: ReadSample, task: Task) -> str:
    stages = {Task.EXPRESSION: Stage.EXPRESSION, Task.ROTATION: Stage.POSED}
    wanted = stages.get(task)
    return "  ".join(
        f"{one.name} {value:+.2f}"
        for one, value in zip(THA1.parameters, sample.pose, strict=True)
        if wanted in (None, one.stage)
    )


def _read(samples: SplitReader, numbers: Sequence[int], batch_size: int) -> Iterator[list[ReadSample]]:
    """Samples in batches; the next is decoded while one is worked on."""
    groups = [numbers[first : first + batch_size] for first in range(0, len(numbers), batch_size)]
    with ThreadPoolExecutor(READ_THREADS) as pool:
        ahead = [pool.submit(samples.__getitem__, number) for number in (groups[0] if groups else [])]
        for following in [*groups[1:], []]:
            waiting, ahead = ahead, [pool.submit(samples.__getitem__, number) for number in following]
            yield [future.result() for future in waiting]
