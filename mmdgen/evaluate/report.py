"""What an evaluation leaves behind: numbers for programs, and a page and sheets for a person."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from mmdgen.dataset.storage import make_folder, write_text, write_whole
from mmdgen.evaluate.columns import CONVENTION, METRIC_NAMES, METRICS
from mmdgen.evaluate.scores import IDENTITY, Scores, Task
from mmdgen.evaluate.sheets import Case, draw_sheet
from mmdgen.evaluate.table import Summary, best_rows, comparison_sentence, number, percent
from mmdgen.pages.line_chart import Line, line_chart
from mmdgen.pages.page import chips, page, picture, table

BINS = 6  # of how far the label is from rest
HARDEST = 8  # characters shown in the table of the hardest


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some samples of a task and why they were chosen."""

    task: Task
    name: str  # of its file
    title: str
    cases: Sequence[Case]


def write_evaluation(folder: Path, summary: Summary, scores: Scores, sheets: Sequence[Sheet]) -> Path:
    """Write `summary.json`, `pictures.csv`, `sheets/*.png` and `report.html`; the page's path.

    Raises StorageError.
    """
    make_folder(folder / "sheets")
    write_text(folder / "summary.json", json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "pictures.csv", scores_as_csv(scores))
    for sheet in sheets:
        file = io.BytesIO()
        PillowImage.fromarray(draw_sheet(sheet.cases, sheet.task, sheet.title)).save(file, "PNG")
        write_whole(folder / "sheets" / f"{sheet.name}.png", file.getvalue())
    path = folder / "report.html"
    write_text(path, evaluation_page(summary, scores, sheets))
    return path


def scores_as_csv(scores: Scores) -> str:
    """A row for each picture under each configuration."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["key", "model_id", "task", "configuration", *METRIC_NAMES])
    for task, rows in scores.values.items():
        for row, values in rows.items():
            for key, character, numbers in zip(scores.keys, scores.characters, values, strict=True):
                writer.writerow([key, character, task.value, row, *(f"{value:.8g}" for value in numbers)])
    return text.getvalue()


def evaluation_page(summary: Summary, scores: Scores, sheets: Sequence[Sheet]) -> str:
    """The page: tables, charts, samples and the hardest characters of every task."""
    title = f"{summary['dataset']}: evaluation"
    tasks = {facts["task"]: Task(facts["task"]) for facts in summary["tasks"]}
    parts = [f"<h1>{escape(title)}</h1>", _facts(summary), _networks(summary)]
    for facts in summary["tasks"]:
        task = tasks[facts["task"]]
        parts += [
            f'<h2 id="{task.value}">{escape(task.title)}</h2>',
            _table(facts),
            *(f'<p class="note">{escape(comparison_sentence(row))}.</p>' for row in facts["comparisons"]),
            _charts(scores, task),
            *(_cases(sheet) for sheet in sheets if sheet.task is task),
            _hardest(scores, task),
        ]
    parts.append(_meanings())
    links = {task.value: task.title.partition(":")[0] for task in tasks.values()} | {"metrics": "Metrics"}
    return page(title, links, parts)


def _facts(summary: Summary) -> str:
    facts = [
        f"{summary['split']} split",
        f"{summary['pictures']:,} samples" + (" (limited)" if summary["is_limited"] else ""),
        f"{summary['characters']:,} characters",
        f"{summary['size_px']} px",
        summary["device"],
        f"mmdgen {summary['mmdgen_version']}",
    ]
    return f'{chips(facts)}<p class="note">{escape(CONVENTION)}</p>'


def _networks(summary: Summary) -> str:
    rows = [
        [
            escape(network["kind"]),
            escape(network["label"] or "-"),
            f"width {network['width']}, {network['size_px']} px",
            "-" if network["images_seen"] is None else f"{network['images_seen']:,}",
            f"<code>{escape(network['path'])}</code>",
        ]
        for network in summary["networks"]
    ]
    return table(["network", "label", "size", "images seen#", "file"], rows)


def _table(task: Mapping[str, Any]) -> str:
    best = best_rows(task)
    head = "".join(f"<th>{escape(metric.title)}</th>" for metric in METRICS)
    rows = "".join(_table_row(row, best) for row in task["rows"])
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr><th></th>{head}'
        "<th>L1 below identity</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _table_row(row: Mapping[str, Any], best: Mapping[str, str]) -> str:
    cells = []
    for metric in METRICS:
        value, _, interval = number(row["metrics"][metric.name], with_interval=True).partition(" ")
        is_best = best.get(metric.name) == row["name"]
        shown = f"<b>{value}</b>" if is_best else value
        cells.append(f"<td{' class=best' if is_best else ''}>{shown}<small>{interval}</small></td>")
    gain = "" if row["name"] == IDENTITY else percent(row["below_identity"]["l1"])
    share, bracket, interval = gain.partition(" [")
    cells.append(f"<td>{share}<small>{bracket.strip()}{interval}</small></td>")
    return f"<tr><th>{escape(row['name'])}</th>{''.join(cells)}</tr>"


def _charts(scores: Scores, task: Task) -> str:
    distance = scores.distances[task]
    edges = np.linspace(0.0, 1.0, BINS + 1)
    bins = np.clip(np.digitize(distance, edges) - 1, 0, BINS - 1)
    figures = "".join(
        f"<figure>{_error_chart(scores, task, metric, bins)}<figcaption>{caption}</figcaption></figure>"
        for metric, caption in (
            ("l1", "Mean L1 of pictures by how far their label is from rest"),
            ("ssim", "Mean SSIM of the same"),
        )
    )
    return f'<div class="charts wide">{figures}</div>'


def _error_chart(scores: Scores, task: Task, metric: str, bins: np.ndarray[Any, Any]) -> str:
    filled = [number for number in range(BINS) if (bins == number).any()]
    lines = []
    for row in scores.values[task]:
        column = scores.column(task, row, metric)
        means = [float(column[bins == number].mean()) for number in filled]
        lines.append(Line(row, [(number + 0.5) / BINS for number in filled], means, row == IDENTITY))
    title = next(row.title for row in METRICS if row.name == metric)
    return line_chart(lines, x_title="largest pose parameter, as a share of its range", y_title=title)


def _cases(sheet: Sheet) -> str:
    figures = "".join(_case(case, sheet.task) for case in sheet.cases)
    title = sheet.title.removeprefix(f"{sheet.task.title}. ")
    return f'<h3>{escape(title)}</h3><div class="cases">{figures}</div>'


def _case(case: Case, task: Task) -> str:
    tiles = "".join(
        f"<div>{picture(image, True, name)}<small>{escape(name)}"
        f"{f'<br>MSE {case.mse[name]:.4f}' if name in case.mse else ''}</small></div>"
        for name, image in case.tiles(task)
    )
    return (
        f'<figure class="case"><div>{tiles}</div>'
        f"<figcaption><code>{escape(case.key)}</code> {escape(case.label)}</figcaption></figure>"
    )


def _hardest(scores: Scores, task: Task) -> str:
    """The characters with the largest mean MSE of the best configuration."""
    best = scores.best_row(task)
    rows = [
        (
            float(scores.column(task, best, "mse")[scores.characters == character].mean()),
            float(scores.column(task, IDENTITY, "mse")[scores.characters == character].mean()),
            int((scores.characters == character).sum()),
            str(character),
        )
        for character in np.unique(scores.characters)
    ]
    shown = [
        [f"<code>{character}</code>", f"{count:,}", f"{mse:.5f}", f"{identity:.5f}"]
        for mse, identity, count, character in sorted(rows, reverse=True)[:HARDEST]
    ]
    heads = ["character", "samples#", f"MSE of {best}#", f"MSE of {IDENTITY}#"]
    return f"<h3>Hardest characters</h3>{table(heads, shown)}"


def _meanings() -> str:
    rows = [
        [
            f"<b>{escape(metric.title)}</b>",
            f"{escape(metric.meaning)}; {'higher' if metric.higher_is_better else 'lower'} is better",
        ]
        for metric in METRICS
    ]
    note = "The column called RMSE in the article of 2019 is most likely what is called MSE here."
    return f'<h2 id="metrics">Metrics</h2>{table(["metric", "what it is"], rows)}<p class="note">{note}</p>'
