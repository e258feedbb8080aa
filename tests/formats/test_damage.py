"""Damaged files: refused with a sentence or survived with a warning, never a traceback, never a hang."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdgen.errors import FormatError
from mmdgen.formats import read_model, read_model_bytes
from mmdgen.formats.binary import BinaryReader
from mmdgen.model import Model
from tests.formats.files import PmdFile, everything_pmx
from tests.formats.fuzz import built_seeds, fuzz

# What becomes of each damaged file: (section, part of the problem) for an error, or part of each warning.
REFUSED = {
    "bad_deform_type.pmx": ("vertex", "weight type 9 is unknown"),
    "bad_magic.pmx": ("header", "is neither PMX nor PMD"),
    "bone_index_size_0.pmx": ("header", "bone indices of 0 bytes"),
    "empty.pmx": ("header", "the file is empty"),
    "encoding_2.pmx": ("header", "text encoding 2 is unknown"),
    "header_only.pmx": ("model info", "needs 4 bytes, 0 left"),
    "huge_name_length.pmx": ("model info", "a text claims 2,147,483,647 bytes"),
    "lfs_pointer.pmx": ("header", "Git LFS pointer"),
    "magic_only.pmx": ("header", "needs 4 bytes, 0 left"),
    "negative_name_length.pmx": ("model info", "a text claims -5 bytes"),
    "pmd_trunc_50pct.pmd": ("vertex", "claims 8,983 vertices"),
    "pmd_vertex_count_ffffffff.pmd": ("vertex", "claims 4,294,967,295 vertices"),
    "trunc_10pct.pmx": ("vertex", "claims 2,141 vertices"),
    "trunc_35pct.pmx": ("vertex", "claims 2,141 vertices"),
    "trunc_60pct.pmx": ("vertex", "claims 2,141 vertices"),
    "trunc_90pct.pmx": ("face", "claims 10,548 vertex indices"),
    "version_3.pmx": ("header", "PMX version 3 is unknown"),
    "version_nan.pmx": ("header", "PMX version nan is unknown"),
    "vertex_count_2e9.pmx": ("vertex", "claims 2,000,000,000 vertices"),
    "vertex_count_neg.pmx": ("vertex", "claims -1 vertices"),
    "vertex_count_plus1.pmx": ("vertex", "weight type 18 is unknown"),
    "vertex_index_size_3.pmx": ("header", "vertex indices of 3 bytes"),
}
SURVIVED: dict[str, list[str]] = {
    "inf_position.pmx": ["vertex 0, byte 0x7f: a position is not a finite number; took 0"],
    "minus_1_byte.pmx": ["joint, byte 0x24f06: needs 4 bytes, 3 left; kept what comes before"],
    "nan_position.pmx": ["vertex 0, byte 0x7f: a position is not a finite number; took 0"],
    "nine_globals.pmx": ["header, byte 0x8: has 9 header settings instead of 8; skipped the unknown ones"],
    "pmd_named_pmx.pmx": [],
    "pmd_trunc_before_english.pmd": [
        "joint, byte 0x7b00e: claims 20 joints, the 2,479 bytes left hold fewer"
    ],
    "pmx_named_pmd.pmd": [],
    "trailing_16_bytes.pmx": ["end of file, byte 0x24f0a: 16 bytes follow the model; ignored them"],
    "trunc_99pct.pmx": ["display frame 7, byte 0x24920: needs 4 bytes, 0 left; kept what comes before"],
}


@pytest.mark.local_models
def test_every_mutant_has_its_documented_outcome(shared_dir: Path) -> None:
    folder = shared_dir / "models" / "mutants"
    assert {path.name for path in folder.iterdir()} == REFUSED.keys() | SURVIVED.keys()
    for name, (section, problem) in REFUSED.items():
        with pytest.raises(FormatError) as caught:
            read_model(folder / name)
        assert caught.value.section == section, name
        assert problem in caught.value.problem, name
    for name, wanted in SURVIVED.items():
        told = [str(warning) for warning in read_model(folder / name).warnings]
        assert len(told) == len(wanted), (name, told)
        assert all(part in warning for part, warning in zip(wanted, told, strict=True)), (name, told)


@pytest.mark.local_models
def test_strict_reading_refuses_every_mutant_that_has_a_warning(shared_dir: Path) -> None:
    for name, wanted in SURVIVED.items():
        if wanted:
            with pytest.raises(FormatError):
                read_model(shared_dir / "models" / "mutants" / name, strict=True)


def test_mutants_are_in_the_reference(shared_dir: Path) -> None:
    reference = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"
    text = reference.read_text("utf-8")
    missing = [name for name in REFUSED.keys() | SURVIVED.keys() if f"`{name}`" not in text]
    assert not missing


def cuts_of(data: bytes, rng: np.random.Generator, count: int) -> list[int]:
    """Every section boundary of a file and `count` other places."""
    starts: list[int] = []
    begin = BinaryReader.begin

    def record(self: BinaryReader, section: str) -> None:
        starts.append(self.offset)
        begin(self, section)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BinaryReader, "begin", record)
        read_model_bytes(data, source="whole")
    return sorted({*starts, *(start + 1 for start in starts), *rng.integers(len(data), size=count).tolist()})


def read_or_error(data: bytes) -> Model | FormatError:
    """The model, or the one kind of error that reading may raise."""
    try:
        return read_model_bytes(data, source="any")
    except FormatError as error:
        return error


def assert_cuts_are_polite(data: bytes, count: int) -> None:
    whole = read_model_bytes(data, source="whole")
    for cut in cuts_of(data, np.random.default_rng(0), count):
        start = time.process_time()
        outcome = read_or_error(data[:cut])
        assert time.process_time() - start < 1.0
        if isinstance(outcome, FormatError):
            assert outcome.offset <= cut
        else:
            assert len(outcome.morphs) == len(whole.morphs)
            assert len(outcome.vertices) == len(whole.vertices)


@pytest.mark.parametrize("data", [everything_pmx(), everything_pmx(encoding="utf-8"), PmdFile().build()])
def test_cut_anywhere_it_is_refused_or_whole_up_to_the_morphs(data: bytes) -> None:
    assert_cuts_are_polite(data, 500)


@pytest.mark.local_models
@pytest.mark.slow
def test_every_real_file_cut_anywhere_is_refused_or_whole_up_to_the_morphs(shared_dir: Path) -> None:
    for path in sorted((shared_dir / "models").rglob("*.pm[xd]")):
        if path.parent.name != "mutants" and path.name != "joint_orient_test.pmx":
            assert_cuts_are_polite(path.read_bytes(), 500)


def test_mutated_files_are_refused_or_read_soon_and_in_little_memory() -> None:
    tally = fuzz(300, 7, built_seeds())
    assert tally.inputs == 300
    assert tally.read > 50
    assert len(tally.refused) > 5  # the damage reaches all sections


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([b"", b"PMX ", b"Pmd", everything_pmx()[:17], everything_pmx()[:200]]), st.binary())
def test_any_bytes_are_refused_or_read(head: bytes, tail: bytes) -> None:
    outcome = read_or_error(head + tail)
    assert isinstance(outcome, Model) or str(outcome).startswith("any: ")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_bytes_in_the_middle_are_refused_or_read(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([everything_pmx(), PmdFile().build()]))
    at = data.draw(st.integers(0, len(good)))
    piece = data.draw(st.binary(max_size=40))
    removed = data.draw(st.integers(0, 40))
    damaged = good[:at] + piece + good[at + removed :]
    outcome = read_or_error(damaged)
    assert isinstance(outcome, Model) or 0 <= outcome.offset <= len(damaged)


@pytest.mark.parametrize(
    ("row", "head"),
    [
        ("texture", b"\0\0\0\0"),
        ("morph", b"\0\0\0\0\0\0\0\0\4\1\0\0\0\0"),
        ("display frame", b"\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ],
)
def test_a_list_longer_than_any_program_makes_is_refused(row: str, head: bytes) -> None:
    from tests.formats.test_pmx import section_starts

    data = everything_pmx()
    with pytest.MonkeyPatch.context() as patch:
        at = section_starts(data, patch)[row]
    many = data[:at] + (40_000).to_bytes(4, "little") + head * 40_000
    if row == "display frame":
        assert "not believed" in str(read_model_bytes(many, source="many").warnings[0])
    else:
        with pytest.raises(FormatError, match="not believed"):
            read_model_bytes(many, source="many")


def test_a_folder_or_missing_file_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.pmx"):
        with pytest.raises(FormatError, match="cannot be read: "):
            read_model(path)


def test_what_is_no_model_is_named() -> None:
    for data, words in (
        (b"Vocaloid Motion Data 0002", "a motion"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ):
        with pytest.raises(FormatError, match=words):
            read_model_bytes(data, source="x")
