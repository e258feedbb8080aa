"""`mmdgen render`."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, replace
from typing import Any

import click

from mmdgen.cli.dataset_options import Asked, dataset_options, plan_line, progress_bar, tell_unused
from mmdgen.cli.options import device_option, dry_run_option, json_option, memory_option
from mmdgen.dataset.config import DatasetConfig
from mmdgen.generate.finish import finish_dataset, is_whole
from mmdgen.generate.runner import RunSummary, plan_facts, run_plan
from mmdgen.generate.surveyed import SurveyedModel
from mmdgen.render import RenderSettings


class ShardRange(click.ParamType[range]):
    """`A:B`: shards A to B - 1, as in Python; either end may be left away."""

    name = "range"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> range:
        """Read A:B."""
        match = re.fullmatch(r"(\d*):(\d*)", value)
        if match is None:
            self.fail(f"'{value}' is not of the form A:B, for example 0:16", param, ctx)
        shards = range(int(match[1] or 0), int(match[2] or sys.maxsize))
        if not shards:
            self.fail(f"'{value}' holds no shard: A:B are the shards A to B - 1", param, ctx)
        return shards


@click.command()
@dataset_options
@memory_option
@device_option
@click.option("--shards", type=ShardRange(), metavar="A:B", help="Only shards A to B - 1 (for job arrays).")
@dry_run_option
@json_option
def render(
    asked: Asked,
    memory_gib: float | None,
    device: int | None,
    shards: range | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Render the shards of a data set that are not there yet."""
    dataset, models = asked.config, asked.look_at_models(leave_nothing=dry_run)
    plans = asked.plans(models)
    if dry_run:
        _tell_plans([plan_facts(plan, dataset) for plan in plans], models, as_json)
        return
    settings = RenderSettings(device_index=device, software_threads=0)
    memory_bytes = None if memory_gib is None else int(memory_gib * 2**30)
    summaries = []
    for plan in plans:
        with progress_bar(plan.split, "sample") as show:
            summary = run_plan(
                plan,
                dataset,
                models,
                shards=shards,
                workers=asked.workers,
                engine=replace(asked.engine, memory_bytes=memory_bytes),
                settings=settings,
                on_progress=show,
            )
        summaries.append(summary)
    if shards is None or is_whole(dataset):
        finish_dataset(dataset, summaries)
    if as_json:
        click.echo(json.dumps([asdict(summary) for summary in summaries], ensure_ascii=False, indent=1))
    else:
        _tell(dataset, models, summaries)
    if not all(summary.is_complete for summary in summaries):
        raise click.exceptions.Exit(1)


def _tell_plans(facts: list[dict[str, Any]], models: list[SurveyedModel], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for fact in facts:
        click.echo(plan_line(fact))
    tell_unused(models)


def _tell(dataset: DatasetConfig, models: list[SurveyedModel], summaries: list[RunSummary]) -> None:
    tell_unused(models)
    names = {model.record.model_id: model.file.name for model in models if not model.problem}
    for summary in summaries:
        for identity, warnings in summary.warnings.items():
            click.echo(f"warning: {names.get(identity, identity)}: {', '.join(warnings)}")
        for row in summary.left_out:
            name = names.get(row["model_id"], f"model {row['model_id']}")
            click.echo(f"left out: {row['samples']} samples of {name}: {row['reason']}")
        for shard, reason in summary.failed:
            click.echo(f"missing: {shard}: {reason}")
        speed = f", {summary.rate:.1f} samples/s" if summary.rendered else ""
        click.echo(
            f"{summary.split}: {summary.present:,} of {summary.planned:,} samples, "
            f"{summary.rendered:,} rendered now{speed}"
        )
    page = dataset.out / "report" / "index.html"
    click.echo(f"look at {page}" if page.is_file() else "the report is written when the last shard is there")
