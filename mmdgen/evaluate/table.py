"""The tables of an evaluation as text for a terminal. Values in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from mmdgen.evaluate.columns import CONVENTION, METRICS
from mmdgen.evaluate.scores import IDENTITY

Summary = Mapping[str, Any]  # the document that `summary.json` holds

WITH_INTERVAL = (
    "mse",
    "ssim",
)  # the others have theirs in the JSON and on the page: lines would grow too long
SHOWN = ("mse", "rmse", "ssim", "l1", "mse_srgb", "ssim_srgb")


def text_report(summary: Summary) -> str:
    """What the command prints."""
    parts = [_heading(summary)]
    for task in summary["tasks"]:
        parts += [f"\n{task['title']}", _task_table(task)]
        parts += [comparison_sentence(comparison) for comparison in task["comparisons"]]
    parts += ["", fill(CONVENTION, 100)]
    return "\n".join(parts)


def number(facts: Mapping[str, float | None], *, with_interval: bool) -> str:
    """`0.02155 [0.02010, 0.02301]`."""
    text = _five_digits(facts["value"])
    if not with_interval or facts["low"] is None:
        return text
    return f"{text} [{_five_digits(facts['low'])}, {_five_digits(facts['high'])}]"


def percent(facts: Mapping[str, float | None]) -> str:
    """`41.3 % [38.0, 44.1]`."""
    if facts["value"] is None:
        return "-"
    text = f"{100 * facts['value']:.1f} %"
    low, high = facts["low"], facts["high"]
    return text if low is None or high is None else f"{text} [{100 * low:.1f}, {100 * high:.1f}]"


def best_rows(task: Mapping[str, Any]) -> dict[str, str]:
    """The name of the best row in each metric."""
    best = {}
    for metric in METRICS:
        values = {row["name"]: row["metrics"][metric.name]["value"] for row in task["rows"]}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            choose = max if metric.higher_is_better else min
            best[metric.name] = choose(known, key=known.__getitem__)
    return best


def comparison_sentence(comparison: Mapping[str, Any]) -> str:
    """How much better a full configuration is than one of its pathways."""
    below = comparison["below"]
    return (
        f"{comparison['name']} against {comparison['against']}: MSE lower by {percent(below['mse'])}, "
        f"L1 by {percent(below['l1'])}, SSIM higher by {number(comparison['ssim_gain'], with_interval=True)}"
    )


def _heading(summary: Summary) -> str:
    networks = [
        f"  {' '.join(filter(None, [network['kind'], network['label']]))}: {network['path']}"
        + (f", {network['images_seen']:,} images" if network["images_seen"] is not None else "")
        for network in summary["networks"]
    ]
    title = (
        f"{summary['dataset']}, {summary['split']}: {summary['pictures']:,} samples "
        f"of {summary['characters']:,} characters, {summary['size_px']} px"
    )
    return "\n".join([title, *networks])


def _task_table(task: Mapping[str, Any]) -> str:
    metrics = [metric for metric in METRICS if metric.name in SHOWN]
    best = best_rows(task)
    rows = [["", *(metric.title for metric in metrics), "L1 below identity"]]
    for row in task["rows"]:
        cells = [
            number(row["metrics"][metric.name], with_interval=metric.name in WITH_INTERVAL)
            + (" *" if best.get(metric.name) == row["name"] else "")
            for metric in metrics
        ]
        gain = "" if row["name"] == IDENTITY else percent(row["below_identity"]["l1"])
        rows.append([row["name"], *cells, gain])
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _five_digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.5f}"
