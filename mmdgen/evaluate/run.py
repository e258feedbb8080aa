"""An evaluation from beginning to end: networks and a split in, a folder with numbers and a page out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmdgen import __version__
from mmdgen.dataset.keys import shuffled
from mmdgen.dataset.manifest import read_manifest
from mmdgen.dataset.reader import SplitReader
from mmdgen.errors import NetworkError
from mmdgen.evaluate.columns import CONVENTION
from mmdgen.evaluate.lineup import Contestant, Lineup, make_lineup
from mmdgen.evaluate.predict import cases, chosen_numbers, score
from mmdgen.evaluate.report import Sheet, write_evaluation
from mmdgen.evaluate.scores import Scores, summarise
from mmdgen.train.checkpoints import CHECKPOINT_FILE, load_network
from mmdgen.train.config import LossKind
from mmdgen.train.data import check_dataset
from mmdgen.train.devices import memory_errors_explained
from mmdgen.train.export import PUBLISHED_FILES
from mmdgen.train.loop import state_sha256
from mmdgen.train.run_folder import read_facts

SHEET_CASES = 8


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What to do.

    Attributes:
        dataset: the folder of a data set.
        split: "train", "validation" or "test".
        networks: runs' folders, checkpoints, plain state dicts, or folders of these.
        out: where to write.
        device: where to compute.
        batch_size: samples at a time.
        limit: how many samples, drawn by their keys; None takes all.
    """

    dataset: Path
    split: str
    networks: tuple[Path, ...]
    out: Path
    device: torch.device
    batch_size: int = 16
    limit: int | None = None


def evaluate(
    plan: Evaluation, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, Any]:
    """Evaluate networks and write numbers, page and sheets into `plan.out`.

    Args:
        plan: what to do.
        on_progress: told how many samples are done, and of how many.

    Returns:
        The document that `summary.json` holds.

    Raises:
        DatasetError: there is no such data set or split, or it is for other networks.
        NetworkError: a network cannot be read, they do not belong together, or memory is short.
        StorageError: `plan.out` cannot be written.
    """
    with memory_errors_explained(plan.batch_size, on_gpu="--device cpu", elsewhere="end other programs"):
        return _evaluate(plan, on_progress)


def _evaluate(plan: Evaluation, on_progress: Callable[[int, int], None]) -> dict[str, Any]:
    lineup = make_lineup(load_contestants(plan.networks, plan.device))
    check_dataset(plan.dataset, lineup.contestants[0].config)
    samples = SplitReader(plan.dataset, plan.split)
    numbers = chosen_numbers(samples, plan.limit)
    scores = score(
        samples,
        numbers,
        lineup,
        device=plan.device,
        batch_size=plan.batch_size,
        on_progress=lambda done: on_progress(done, len(numbers)),
    )
    summary = _summary(plan, lineup, scores)
    sheets = list(_sheets(plan, samples, numbers, lineup, scores))
    write_evaluation(plan.out, summary, scores, sheets)
    return summary


def load_contestants(paths: Sequence[Path], device: torch.device) -> Iterator[Contestant]:
    """The networks that paths name. Raises NetworkError."""
    for path in (found for named in paths for found in network_files(named)):
        loaded = load_network(path, device=device)
        facts = read_facts(loaded.path.parent) if loaded.images_seen is not None else None
        yield Contestant(
            config=loaded.config,
            network=loaded.network,
            label=_LABELS.get(facts["config"]["loss"], "") if facts else "",
            path=path,
            images_seen=loaded.images_seen,
            weights_sha256=state_sha256(loaded.network.state_dict()),
            rotator_sha256=facts["rotator"].get("sha256") if facts else None,
        )


_LABELS = {LossKind.L1: "L1", LossKind.PERCEPTUAL: "P"}  # the article's


def network_files(path: Path) -> list[Path]:
    """The networks at a path: itself, or those of a folder of published files or of runs.

    Raises NetworkError for a folder without any.
    """
    if not path.is_dir() or (path / CHECKPOINT_FILE).is_file():
        return [path]
    published = [path / name for name in PUBLISHED_FILES.values() if (path / name).is_file()]
    runs = sorted(file.parent for file in path.glob(f"*/{CHECKPOINT_FILE}"))
    if not published and not runs:
        raise NetworkError(
            f"{path}: holds no network; name a run's folder, a checkpoint, or a folder with "
            f"{', '.join(PUBLISHED_FILES.values())}"
        )
    return published + runs


def _summary(plan: Evaluation, lineup: Lineup, scores: Scores) -> dict[str, Any]:
    manifest = read_manifest(plan.dataset)
    return {
        "mmdgen_version": __version__,
        "dataset": manifest["name"],
        "fingerprint": manifest["splits"].get(plan.split, {}).get("fingerprint"),
        "split": plan.split,
        "size_px": lineup.size_px,
        "pictures": len(scores.keys),
        "is_limited": plan.limit is not None,
        "characters": len(set(scores.characters.tolist())),
        "device": _device_name(plan.device),
        "convention": CONVENTION,
        "networks": [
            {
                "kind": one.kind.value,
                "label": one.label,
                "path": one.path.as_posix(),
                "width": one.config.width,
                "size_px": one.config.size_px,
                "images_seen": one.images_seen,
                "weights_sha256": one.weights_sha256,
            }
            for one in lineup.contestants
        ],
        "tasks": summarise(scores, lineup.pathways()),
    }


def _sheets(
    plan: Evaluation, samples: SplitReader, numbers: Sequence[int], lineup: Lineup, scores: Scores
) -> Iterator[Sheet]:
    """For each task some samples drawn at random, and the worst of its best configuration."""
    order = shuffled(range(len(numbers)), lambda place: str(scores.keys[place]), 1)
    for task in scores.values:
        best = scores.best_row(task)
        for name, title, places in (
            ("random", "Samples drawn at random", order[:SHEET_CASES]),
            (
                "worst",
                f"Worst cases of {best}, one for each character",
                scores.worst(task, best, SHEET_CASES),
            ),
        ):
            shown = cases(
                samples,
                [numbers[place] for place in places],
                lineup,
                task,
                device=plan.device,
                batch_size=plan.batch_size,
            )
            yield Sheet(task, f"{task.value}-{name}", f"{task.title}. {title}", shown)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
