"""`mmdgen plan`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mmdgen.cli.dataset_options import (
    load_config,
    look_at_models,
    models_override,
    out_override,
    plans_of,
    seed_override,
    split_option,
)
from mmdgen.cli.options import config_option, json_option, workers_option
from mmdgen.generate.runner import plan_facts


@click.command()
@config_option
@split_option
@models_override
@out_override
@seed_override
@workers_option
@json_option
def plan(
    config: Path,
    splits: tuple[str, ...],
    folders: tuple[Path, ...],
    out: Path | None,
    seed: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Print what a data set would hold, without rendering."""
    dataset = load_config(config, out=out, seed=seed, folders=folders)
    models = look_at_models(dataset, workers)
    facts = [plan_facts(plan, dataset) for plan in plans_of(dataset, models, splits)]
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for fact in facts:
        click.echo(
            f"{fact['split']}: {fact['samples']:,} samples of {fact['models']} models in "
            f"{fact['groups']} groups, {fact['shards']} shards ({fact['shards_there']} there), "
            f"about {fact['bytes'] / 1e6:,.0f} MB, fingerprint {fact['fingerprint']}"
        )
    for model in models:
        if model.problem:
            click.echo(f"not used: {model.file.name}: {model.problem}")
