"""What is written when a run ends: the manifest, the card and the report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mmdgen import __version__
from mmdgen.dataset.card import write_card
from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.manifest import PLAN_FILE, read_plan, write_manifest
from mmdgen.dataset.shard import published_names
from mmdgen.dataset.storage import make_folder, write_text
from mmdgen.generate.report import RUNS_FILE, write_report
from mmdgen.generate.runner import RunSummary


def is_whole(config: DatasetConfig) -> bool:
    """Whether every planned shard of every split is there. Of many runs for pieces, the last one finishes."""
    folders = [config.out / rule.split.value for rule in config.splits]
    return all(
        (folder / PLAN_FILE).is_file()
        and {job.shard for job in read_plan(folder).jobs} <= set(published_names(folder))
        for folder in folders
    )


def finish_dataset(config: DatasetConfig, summaries: Sequence[RunSummary]) -> None:
    """Describe what is in the data set's folder now. Raises StorageError."""
    manifest = write_manifest(config)
    write_card(config.out, manifest, __version__)
    make_folder(config.out / RUNS_FILE.parent)
    _note_speed(config, summaries)
    write_report(config.out)


def _note_speed(config: DatasetConfig, summaries: Sequence[RunSummary]) -> None:
    """Remember how fast each split was last rendered; a run that rendered nothing tells nothing."""
    path = config.out / RUNS_FILE
    try:
        speeds = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        speeds = {}
    for summary in summaries:
        if summary.rendered:
            speeds[summary.split] = {
                "samples": summary.rendered,
                "seconds": round(summary.seconds, 1),
                "samples_per_second": round(summary.rate, 2),
            }
    write_text(path, json.dumps(speeds, indent=1) + "\n")
