"""Tables, page and sheets from numbers made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from mmdgen.evaluate.columns import METRIC_NAMES
from mmdgen.evaluate.report import Sheet, scores_as_csv, write_evaluation
from mmdgen.evaluate.scores import IDENTITY, Scores, Task, summarise
from mmdgen.evaluate.sheets import GAP_PX, MARGIN_PX, SMALLEST_TILE_PX, Case, draw_sheet
from mmdgen.evaluate.table import text_report

CHARACTERS = [f"{number:016x}" for number in range(6)]
KEYS = np.array([f"{character}-{index:06d}" for character in CHARACTERS for index in range(4)])


def column_of(**values: float) -> np.ndarray:
    """(pictures, metrics) with one value in each column, ssim 0.9 where nothing is said."""
    row = [values.get(name, 0.9 if "ssim" in name else 0.1) for name in METRIC_NAMES]
    return np.tile(row, (len(KEYS), 1))


@pytest.fixture
def scores() -> Scores:
    full = column_of(mse=0.01, l1=0.05, ssim=0.95)
    full[5, METRIC_NAMES.index("mse")] = 0.5  # the second character, its second sample
    full[6, METRIC_NAMES.index("mse")] = 0.4
    full[21, METRIC_NAMES.index("mse")] = 0.3
    return Scores(
        keys=KEYS,
        characters=np.array([key.split("-")[0] for key in KEYS]),
        values={
            Task.ROTATION: {
                IDENTITY: column_of(mse=0.2, l1=0.2),
                "PU-L1": column_of(mse=0.1, l1=0.1),
                "ZH-L1": column_of(mse=0.1, l1=0.08),
                "FU-L1-L1": full,
            }
        },
        distances={Task.ROTATION: np.linspace(0, 1, len(KEYS))},
    )


@pytest.fixture
def summary(scores: Scores) -> dict[str, Any]:
    return {
        "mmdgen_version": "0",
        "dataset": "試験 <set>",
        "split": "test",
        "size_px": 64,
        "pictures": 24,
        "characters": 6,
        "is_limited": False,
        "device": "cpu",
        "networks": [
            {
                "kind": "face-rotator",
                "label": "L1",
                "path": "runs/r",
                "width": 16,
                "size_px": 64,
                "images_seen": 12000,
            }
        ],
        "tasks": summarise(scores, {"FU-L1-L1": ("PU-L1", "ZH-L1")}),
    }


@pytest.fixture
def sheet() -> Sheet:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[16:48, 16:48] = (200, 60, 90, 255)
    case = Case("k-000001", "head_x +1.00", picture, picture, {"PU-L1": picture}, {"PU-L1": 0.125})
    return Sheet(Task.ROTATION, "rotation-worst", "Worst <cases>", [case, case])


def test_improvements_are_shares_of_the_baseline(summary: dict[str, Any]) -> None:
    rows = {row["name"]: row for row in summary["tasks"][0]["rows"]}
    assert rows["PU-L1"]["below_identity"]["l1"]["value"] == pytest.approx(0.5)
    assert rows[IDENTITY]["below_identity"]["l1"]["value"] == 0
    against = {row["against"]: row for row in summary["tasks"][0]["comparisons"]}
    assert against["ZH-L1"]["below"]["l1"]["value"] == pytest.approx(1 - 0.05 / 0.08)
    assert against["PU-L1"]["ssim_gain"]["value"] == pytest.approx(0.05)


def test_the_worst_cases_are_of_different_characters(scores: Scores) -> None:
    assert scores.worst(Task.ROTATION, "FU-L1-L1", 2) == [5, 21]


def test_the_table_for_a_terminal_says_every_row_with_its_numbers(summary: dict[str, Any]) -> None:
    text = text_report(summary)
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "0.20000 [0.20000, 0.20000]" in lines[IDENTITY]
    assert "50.0 % [50.0, 50.0]" in lines["PU-L1"]
    assert "0.95000 [0.95000, 0.95000] *" in lines["FU-L1-L1"]
    assert "24 samples of 6 characters" in text
    assert "FU-L1-L1 against ZH-L1: MSE lower by" in text
    assert "linear light" in text
    assert max(map(len, text.splitlines())) < 170


def test_csv_has_a_row_for_each_picture_and_configuration(scores: Scores) -> None:
    rows = list(csv.DictReader(scores_as_csv(scores).splitlines()))
    assert len(rows) == 4 * len(KEYS)
    worst = max(rows, key=lambda row: float(row["mse"]))
    assert (worst["key"], worst["configuration"], worst["task"]) == (KEYS[5], "FU-L1-L1", "rotation")
    assert float(worst["mse"]) == 0.5


def test_the_folder_holds_numbers_page_and_sheets(
    tmp_path: Path, summary: dict[str, Any], scores: Scores, sheet: Sheet
) -> None:
    page = write_evaluation(tmp_path / "out", summary, scores, [sheet])
    assert json.loads((tmp_path / "out/summary.json").read_text("utf-8")) == summary
    assert (tmp_path / "out/pictures.csv").is_file()
    with PillowImage.open(tmp_path / "out/sheets/rotation-worst.png") as picture:
        assert picture.height > 2 * 64
    html = page.read_text("utf-8")
    assert "試験 &lt;set&gt;" in html
    assert "Worst &lt;cases&gt;" in html
    assert html.count("<img ") == 2 * 3
    assert "http" not in html.replace("http://www.w3.org", "")  # nothing to load
    for row in ("identity", "PU-L1", "ZH-L1", "FU-L1-L1"):
        assert f"<th>{row}</th>" in html


def test_a_sheet_shows_the_pictures_in_their_place(sheet: Sheet) -> None:
    drawn = draw_sheet(sheet.cases, sheet.task, sheet.title)
    reds = np.argwhere((drawn == (200, 60, 90)).all(axis=-1))
    assert len(reds) > 0
    columns = np.unique((reds[:, 1] - MARGIN_PX) // (SMALLEST_TILE_PX + GAP_PX))
    assert columns.tolist() == [0, 1, 2]  # input, truth, prediction
