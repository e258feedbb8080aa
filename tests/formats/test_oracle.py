"""Real files read as several independent readers read them, and written back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mmdgen.errors import FormatError
from mmdgen.formats import read_model, read_pmx, write_pmx
from tests.conftest import CHECKOUT
from tests.formats.compare import assert_same_tables
from tests.formats.oracle import describe

pytestmark = pytest.mark.local_models

# The count of the base skin's vertices: folded into the vertex indices of the other skins.
NOT_IN_A_MODEL = {"base_morph"}
# Sums depend on the order of adding, and readers give the second weight as 1 - w in other precisions.
CLOSE = {"sum_pos": 1e-9, "sum_nrm": 1e-9, "sum_uv": 1e-9, "v_head.w": 1e-7, "v_tail.w": 1e-7}
NO_READER_ACCEPTS = "odd-yohawing-joint-orient-test-pmx"


def model_files() -> list[str]:
    """The names of all indexed files; known before any fixture, for they name the tests."""
    index = Path(os.environ.get("MMDGEN_SHARED", CHECKOUT.parent / "shared")) / "models" / "index.json"
    if not index.is_file():
        return []
    return [entry["id"] for entry in json.loads(index.read_text("utf-8"))]


@pytest.fixture(scope="module")
def models(shared_dir: Path) -> Path:
    return shared_dir / "models"


def oracle_of(models: Path, model: str) -> dict[str, Any]:
    oracle: dict[str, Any] = json.loads((models / "oracle" / f"{model}.json").read_text("utf-8"))
    return oracle


def differs(field: str, told: object, wanted: object) -> bool:
    tolerance = CLOSE.get(field)
    if tolerance is None:
        return told != wanted
    return not _close(told, wanted, tolerance)


def _close(told: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, list):
        return len(told) == len(wanted) and all(
            _close(one, other, tolerance) for one, other in zip(told, wanted, strict=True)
        )
    return bool(abs(told - wanted) <= tolerance * max(1.0, abs(wanted), 1e3 * (tolerance < 1e-8)))


@pytest.mark.parametrize("model", model_files())
def test_every_field_equals_what_other_readers_agree_on(models: Path, model: str) -> None:
    oracle = oracle_of(models, model)
    path = models / oracle["path"]
    if model == NO_READER_ACCEPTS:
        with pytest.raises(FormatError, match="vertex 13, byte 0x2ab: weight type 63") as caught:
            read_model(path)
        assert caught.value.section == "vertex"
        return
    told = describe(read_model(path), path.read_bytes())
    fields = set(oracle["consensus"]) - NOT_IN_A_MODEL - set(oracle["disagree"])
    assert fields <= set(told)
    wrong = {
        field: (told[field], oracle["consensus"][field])
        for field in fields
        if differs(field, told[field], oracle["consensus"][field])
    }
    assert not wrong


@pytest.mark.parametrize("model", [model for model in model_files() if model != NO_READER_ACCEPTS])
def test_written_and_read_again_gives_equal_tables(models: Path, model: str) -> None:
    original = read_model(models / oracle_of(models, model)["path"])
    written = write_pmx(original)
    assert_same_tables(original, read_pmx(written))
    assert write_pmx(read_pmx(written)) == written


@pytest.mark.parametrize("name", ["gene_light_pmx", "yw_test_model_pmx"])
def test_rewritten_by_another_program_gives_equal_tables(models: Path, name: str) -> None:
    original = read_model(models / oracle_of(models, name)["path"])
    rewritten = sorted((models / "rewritten" / name).glob("*__*.pmx"))
    assert rewritten
    for path in rewritten:
        again = read_model(path)
        assert not again.warnings
        assert_same_tables(original, again)
