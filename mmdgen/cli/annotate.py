"""`mmdgen annotate`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mmdgen.annotate.json_form import annotation_to_json
from mmdgen.cli.dataset_options import progress_bar
from mmdgen.cli.options import (
    address_option,
    annotations_option,
    dry_run_option,
    engine_option,
    engine_settings,
    json_option,
    limit_option,
    workers_option,
)
from mmdgen.generate.proposals import Proposal, model_files, propose_all


@click.command()
@click.argument(
    "places", metavar="MODEL_OR_DIR_OR_LIST...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@annotations_option
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="The folder that was scanned, for a list that `mmdgen catalog` wrote.",
)
@limit_option
@workers_option
@engine_option
@address_option
@dry_run_option
@json_option
def annotate(
    places: tuple[Path, ...],
    annotations: Path,
    models: Path | None,
    limit: int | None,
    workers: int | None,
    engine: str,
    address: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose the annotations of models automatically.

    Head bounds, eyes and morph roles, each with a confidence; in the end a table of what needs a person.
    What a person said is never overwritten, and models that are done are not done again.
    """
    files = [file for place in places for file in model_files(place, models)][:limit]
    where = engine_settings(engine, address)
    with progress_bar("annotating", "model") as show:
        proposals = propose_all(
            files,
            None if dry_run else annotations.expanduser(),
            workers=workers,
            engine=where,
            on_progress=show,
        )
    if as_json:
        click.echo(json.dumps([_row(proposal) for proposal in proposals], ensure_ascii=False, indent=1))
    else:
        _print_table(proposals)


def _row(proposal: Proposal) -> dict[str, Any]:
    return {
        "file": proposal.file,
        "model_id": proposal.model_id,
        "confidence": round(proposal.confidence, 3),
        "needs": {name: list(reasons) for name, reasons in proposal.needs.items()},
        "problem": proposal.problem,
        "annotation": None if proposal.annotation is None else annotation_to_json(proposal.annotation),
    }


def _print_table(proposals: Sequence[Proposal]) -> None:
    """One line for each model that needs a person, what cannot be used last; then the sums."""
    for proposal in sorted(proposals, key=lambda entry: (bool(entry.problem), entry.confidence)):
        if proposal.problem:
            click.echo(f" --   {proposal.file}: {proposal.problem}")
        elif proposal.needs:
            click.echo(f"{proposal.confidence:.2f}  {proposal.file}: {_what_to_look_at(proposal)}")
    states = Counter(_state(proposal) for proposal in proposals)
    done = sum(proposal.was_done for proposal in proposals)
    sums = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    models = "1 model" if len(proposals) == 1 else f"{len(proposals)} models"
    click.echo(f"{models}: {sums}" + (f"; {done} were done before" if done else ""))


def _what_to_look_at(proposal: Proposal) -> str:
    """The fields, those of equal reasons together: "mouth_aaa (no morph found)"."""
    by_reasons: dict[tuple[str, ...], list[str]] = {}
    for name, reasons in proposal.needs.items():
        by_reasons.setdefault(reasons, []).append(name)
    return "; ".join(f"{', '.join(names)} ({', '.join(why)})" for why, names in by_reasons.items())


def _state(proposal: Proposal) -> str:
    if proposal.problem:
        return "without annotation"
    return "to be looked at" if proposal.needs else "sure"
