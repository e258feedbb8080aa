"""`mmdgen plan`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from mmdgen.cli.dataset_options import Asked, dataset_options, plan_line, tell_unused
from mmdgen.cli.options import device_option, dry_run_option, json_option
from mmdgen.dataset.plan import Plan
from mmdgen.errors import RenderError
from mmdgen.generate.probe import Estimate, probe_plan
from mmdgen.generate.runner import freeze_plan, model_sources, plan_facts
from mmdgen.generate.surveyed import SurveyedModel
from mmdgen.render import Renderer, RenderSettings


@click.command()
@dataset_options
@device_option
@dry_run_option
@json_option
def plan(asked: Asked, device: int | None, dry_run: bool, as_json: bool) -> None:
    """Plan a data set, and say what it would hold and how long rendering would take.

    The plan is written beside the shards to be, where `mmdgen render` goes by it. A few samples are rendered
    to measure bytes and time; nothing of them is kept. With --dry-run no plan is written.
    """
    models = asked.look_at_models(leave_nothing=dry_run)
    plans = asked.plans(models)
    if not dry_run:
        for planned in plans:
            freeze_plan(asked.config.out / planned.split, planned)
    estimates = _estimates(asked, plans, models, device)
    facts = [
        plan_facts(planned, asked.config) | (asdict(estimate) if estimate else {})
        for planned, estimate in zip(plans, estimates, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for fact, estimate in zip(facts, estimates, strict=True):
        click.echo(plan_line(fact, _time(estimate)))
    tell_unused(models)


def _estimates(
    asked: Asked, plans: Sequence[Plan], models: Sequence[SurveyedModel], device: int | None
) -> list[Estimate | None]:
    """What the plans will cost; nothing on a machine without OpenGL, where plans can be made all the same."""
    sources = model_sources(models)
    try:
        with Renderer(RenderSettings(device_index=device, software_threads=0)) as renderer:
            return [probe_plan(renderer, planned, sources, asked.config, asked.workers) for planned in plans]
    except RenderError as error:
        click.echo(f"how long it will take is not known here: {error}", err=True)
        return [None for _ in plans]


def _time(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    hours, seconds = divmod(round(estimate.seconds), 3600)
    minutes, seconds = divmod(seconds, 60)
    length = f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
    return f" and {length} with {estimate.workers} workers"
