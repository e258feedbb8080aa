"""Whole runs with real processes: the same bytes however they come about, and nothing lost."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mmdgen.annotate.store import AnnotationStore
from mmdgen.dataset.config import DatasetConfig, Split
from mmdgen.dataset.quality import QualityRules
from mmdgen.dataset.shard import published_shards, read_left_out
from mmdgen.dataset.verify import verify_dataset
from mmdgen.errors import DatasetError, MmdgenError
from mmdgen.formats import model_id, write_pmx
from mmdgen.generate import compose, local_engine, runner, worker
from mmdgen.generate.engines import EngineSettings, Outcome
from mmdgen.generate.finish import finish_dataset
from mmdgen.generate.report import write_report
from mmdgen.generate.runner import freeze_plan, missing_jobs, plan_split, prepare_models, run_plan
from mmdgen.render import Renderer
from tests.generate.conftest import (
    SAMPLES,
    Tiny,
    annotate_tiny,
    fingerprints,
    survey,
    tiny_character,
    write_tiny_dataset,
)

MakeDataset = Callable[..., DatasetConfig]

pytestmark = pytest.mark.usefixtures("renderer")  # skips where there is no OpenGL


def test_everything_planned_is_there(whole: Path) -> None:
    rows = [row for _, shard_rows in published_shards(whole / "train") for row in shard_rows]
    assert len({row["key"] for row in rows}) == len(rows) == SAMPLES
    assert len({row["model_id"] for row in rows}) == 4


def test_a_second_run_renders_nothing(tiny: Tiny, whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "train").iterdir()}
    summary = tiny.render(whole)
    assert (summary.present, summary.rendered, summary.is_complete) == (SAMPLES, 0, True)
    assert {path: path.stat().st_mtime_ns for path in (whole / "train").iterdir()} == before


def test_two_workers_give_the_bytes_of_one(tiny: Tiny, whole: Path, tmp_path: Path) -> None:
    summary = tiny.render(tmp_path, workers=2)
    assert summary.rendered == SAMPLES
    assert summary.rate > 0
    assert fingerprints(tmp_path) == fingerprints(whole)


def test_pieces_in_any_order_give_the_same_bytes(tiny: Tiny, whole: Path, tmp_path: Path) -> None:
    for shards in (range(20, 99), range(0, 5), range(5, 20)):
        assert tiny.render(tmp_path, shards=shards).is_complete
    assert fingerprints(tmp_path) == fingerprints(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_run_killed_in_the_middle_goes_on_to_the_same_bytes(
    tiny: Tiny, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "job").write_bytes(pickle.dumps((tiny, out)))
    script = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "tiny, out = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "tiny.render(out, workers=2)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "job")], cwd=Path.cwd())
    while len(list((out / "train").glob("*.jsonl"))) < 2:
        assert driver.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    driver.kill()
    driver.wait()
    (out / "train" / "train-000024.tar.0.partial").write_bytes(b"left behind")
    summary = tiny.render(out)
    assert summary.is_complete
    assert 0 < summary.rendered < SAMPLES
    assert fingerprints(out) == fingerprints(whole)
    assert not list(out.rglob("*.partial"))


def test_another_plan_in_the_folder_is_refused_with_the_difference(tiny: Tiny, whole: Path) -> None:
    other = plan_split(replace(tiny.config, seed=1), tiny.models, Split.TRAIN)
    with pytest.raises(DatasetError, match=r"holds shards of another plan \(seed was 0 and is now 1\)"):
        freeze_plan(whole / "train", other)
    fewer = plan_split(tiny.config, tiny.models[1:], Split.TRAIN)
    with pytest.raises(DatasetError, match=r"another plan \(0 models are new and 1 are gone\)"):
        freeze_plan(whole / "train", fewer)


def test_a_plan_without_shards_may_be_replaced(tiny: Tiny, tmp_path: Path) -> None:
    freeze_plan(tmp_path, plan_split(replace(tiny.config, seed=1), tiny.models, Split.TRAIN))
    freeze_plan(tmp_path, tiny.plan)
    assert tiny.plan.fingerprint in (tmp_path / "plan.json").read_text(encoding="utf-8")


def test_a_shard_of_another_plan_is_refused(tiny: Tiny, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "train", tmp_path / "train")
    record = tmp_path / "train" / "train-000000.jsonl"
    record.write_text(record.read_text("utf-8").replace('"fingerprint": "', '"fingerprint": "x'), "utf-8")
    with pytest.raises(DatasetError, match="was made by another plan; delete it"):
        missing_jobs(tiny.plan, tmp_path / "train")


def test_a_damaged_record_is_said(tiny: Tiny, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "train", tmp_path / "train")
    (tmp_path / "train" / "train-000001.jsonl").write_text('{"finger', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"train-000001\.jsonl: is damaged; delete it"):
        missing_jobs(tiny.plan, tmp_path / "train")


def test_broken_models_and_copies_among_good_ones_are_said(make_dataset: MakeDataset) -> None:
    config = make_dataset(2)
    folder = config.folders[0]
    for name in ("broken", "copy"):
        (folder / name).mkdir()
    (folder / "broken" / "half.pmx").write_bytes((folder / "tiny-0" / "model.pmx").read_bytes()[:500])
    shutil.copy(folder / "tiny-0" / "model.pmx", folder / "copy" / "again.pmx")
    problems = {model.file.name: model.problem for model in prepare_models(config, workers=1)}
    assert "byte" in problems["broken/half.pmx"]
    assert problems["tiny-0/model.pmx"] == "has the same content as copy/again.pmx"
    assert problems["tiny-1/model.pmx"] == ""


def test_a_copy_at_the_same_place_below_another_folder_is_one(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    config = make_dataset(1)
    shutil.copytree(config.folders[0], tmp_path / "again")
    models = prepare_models(replace(config, folders=(*config.folders, tmp_path / "again")), workers=1)
    assert [model.problem for model in models] == ["", "has the same content as tiny-0/model.pmx"]


def test_models_of_one_mesh_share_a_split(make_dataset: MakeDataset) -> None:
    config = make_dataset(1)
    model = tiny_character(0)
    repainted = replace(model, materials=replace(model.materials, diffuse=model.materials.diffuse * 0.5))
    data = write_pmx(repainted)
    other = config.folders[0] / "other"
    other.mkdir()
    (other / "red.pmx").write_bytes(data)
    AnnotationStore(config.annotations).put(annotate_tiny(model_id(data)))
    models = {surveyed.file.name: surveyed for surveyed in prepare_models(config, workers=1)}
    assert models["other/red.pmx"].group == "tiny-0"  # which a split names; none takes "other"
    assert models["tiny-0/model.pmx"].group == "tiny-0"
    kin = models["tiny-0/model.pmx"].kin
    assert kin is not None
    assert (kin.members, kin.by) == (("other/red.pmx", "tiny-0/model.pmx"), ("mesh",))


def test_what_was_read_once_is_not_read_again(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_dataset(2)
    before = prepare_models(config, workers=1)
    monkeypatch.setattr(local_engine, "_one_process", lambda: pytest.fail("a process was started"))
    assert prepare_models(config) == before


def test_a_new_word_of_a_person_is_taken_up(make_dataset: MakeDataset) -> None:
    config = make_dataset(1)
    (before,) = prepare_models(config, workers=1)
    annotation = before.record.annotation
    assert annotation is not None
    (said,) = config.annotations.glob("*.json")
    said.write_text(said.read_text("utf-8").replace('"top": 12.0', '"top": 12.5'), "utf-8")
    (after,) = prepare_models(config, workers=1)
    assert after.record.annotation is not None
    assert (annotation.head.top, after.record.annotation.head.top) == (12.0, 12.5)


def test_a_model_that_breaks_while_drawing_is_left_out_with_its_reason(tiny: Tiny, tmp_path: Path) -> None:
    bad = tiny.models[0].record
    assert bad.annotation is not None
    far = replace(bad.annotation, head=replace(bad.annotation.head, bottom=500.0, top=501.0))
    models = [replace(tiny.models[0], record=replace(bad, annotation=far)), *tiny.models[1:]]
    summary = run_plan(tiny.plan, replace(tiny.config, out=tmp_path), models, workers=1)
    assert not summary.is_complete
    assert (summary.planned, summary.present) == (SAMPLES, SAMPLES * 3 // 4)
    assert sum(row["samples"] for row in summary.left_out) == SAMPLES // 4
    assert {(row["model_id"], row["reason"]) for row in summary.left_out} == {
        (bad.model_id, "model.pmx: its rest picture is empty; check the head in its annotation")
    }


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_stops_clearly_and_the_run_goes_on_when_there_is_room(
    tiny: Tiny, whole: Path, small_disk: Path
) -> None:
    out = small_disk / "out"
    with pytest.raises(DatasetError, match=r"train-\d+.*: cannot be written: the disk is full; free some"):
        tiny.render(out)
    finished = {path.stem for path in (out / "train").glob("*.jsonl")}
    assert finished
    assert not list((out / "train").glob("*.tar.*.partial"))
    (small_disk / "ballast").unlink()
    summary = tiny.render(out)
    assert summary.is_complete
    assert 0 < summary.rendered < SAMPLES
    assert fingerprints(out) == fingerprints(whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, most of it taken by a file called ballast."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    (folder / "ballast").write_bytes(bytes(3_500_000))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_file_where_the_folder_should_be_is_said(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(b"")
    with pytest.raises(DatasetError, match="a file stands where a folder is needed"):
        tiny.render(tmp_path)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_disk_is_said_and_the_run_goes_on_when_it_is_not(
    tiny: Tiny, whole: Path, small_disk: Path
) -> None:
    (small_disk / "ballast").unlink()
    assert tiny.render(small_disk / "out", shards=range(2)).is_complete
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(DatasetError, match=r"out.*: cannot be written: the file system is read-only; choose"):
        tiny.render(small_disk / "out")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert tiny.render(small_disk / "out").rendered == SAMPLES - 16
    assert fingerprints(small_disk / "out") == fingerprints(whole)


def test_a_model_that_kills_its_worker_is_quarantined_and_the_rest_is_whole(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "generate_shard", die_with_tiny_1)
    config = replace(tiny.config, out=tmp_path, shard_size=100)
    plan = plan_split(config, tiny.models, Split.TRAIN)
    summary = run_plan(plan, config, tiny.models, workers=2)
    assert summary.present == SAMPLES * 3 // 4
    (row,) = summary.left_out
    assert row["reason"] == "crashed or hung its worker 3 times"
    quarantine = json.loads((tmp_path / "train" / "quarantine.json").read_text(encoding="utf-8"))
    assert quarantine == {row["model_id"]: row["reason"]}
    assert missing_jobs(plan, tmp_path / "train") == []
    (tmp_path / "train" / "quarantine.json").unlink()
    monkeypatch.undo()
    assert run_plan(plan, config, tiny.models, workers=2).is_complete


def test_a_passing_want_of_memory_loses_no_sample(
    tiny: Tiny, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt at a shard finds no memory: nothing is committed, and it is tried again."""
    monkeypatch.setattr(runner, "generate_shard", run_out_of_memory_once)
    assert tiny.render(tmp_path, shards=range(0, 2)).is_complete
    monkeypatch.undo()
    assert tiny.render(tmp_path).is_complete
    assert fingerprints(tmp_path) == fingerprints(whole)


def test_what_runs_at_the_same_time_put_into_quarantine_adds_up(tiny: Tiny, tmp_path: Path) -> None:
    run = runner._Run(tmp_path, tiny.config, {}, runner.ONE_THREAD)
    (tmp_path / "quarantine.json").write_text('{"theirs": "why"}', encoding="utf-8")
    (tmp_path / "progress").mkdir()
    job = tiny.plan.jobs[0]
    state = asdict(worker.Progress(done=0, total=1, model_id="ours", seconds=0.0))
    task = worker.ShardTask(job, tiny.config, (), tmp_path, runner.ONE_THREAD)
    run._sources = runner.model_sources(tiny.models)
    for _ in range(runner.ATTEMPTS):
        worker.progress_path(tmp_path, job.shard).write_text(json.dumps(state), encoding="utf-8")
        assert run._again(Outcome(task)) is not None
    assert json.loads((tmp_path / "quarantine.json").read_text(encoding="utf-8")).keys() == {"theirs", "ours"}


def test_a_model_that_breaks_two_shards_at_the_same_time_is_left_out_of_both(
    tiny: Tiny, tmp_path: Path
) -> None:
    """The second shard's third attempt began before the first one's put the model into quarantine."""
    run = runner._Run(tmp_path, tiny.config, runner.model_sources(tiny.models), runner.ONE_THREAD)
    (tmp_path / "progress").mkdir()
    state = asdict(worker.Progress(done=0, total=1, model_id="bad", seconds=0.0))
    tasks = [
        worker.ShardTask(job, tiny.config, (), tmp_path, runner.ONE_THREAD) for job in tiny.plan.jobs[:2]
    ]
    for _ in range(runner.ATTEMPTS):
        for task in tasks:
            worker.progress_path(tmp_path, task.job.shard).write_text(json.dumps(state), encoding="utf-8")
        again = [run._again(Outcome(task)) for task in tasks]
    assert [task is not None and "bad" in task.quarantined for task in again] == [True, True]
    assert run.failed == {}


@pytest.mark.parametrize("text", ["[]", "{"])
def test_a_damaged_quarantine_is_said(tiny: Tiny, tmp_path: Path, text: str) -> None:
    (tmp_path / "quarantine.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"quarantine\.json: is damaged \(.*\); delete it"):
        runner._Run(tmp_path, tiny.config, {}, runner.ONE_THREAD)


def run_out_of_memory_once(task: worker.ShardTask) -> worker.ShardReport:
    """`generate_shard`, but on the first attempt at a shard there is no memory for its model."""
    marker = task.folder / f"tried-{task.job.shard}"
    if marker.exists():
        worker.compose_samples = compose.compose_samples
    else:
        marker.touch()
        worker.compose_samples = _refuse  # type: ignore[assignment]
    return worker.generate_shard(task)


def _refuse(*arguments: object, **more: object) -> Iterator[object]:
    raise MemoryError


def die_with_tiny_1(task: worker.ShardTask) -> worker.ShardReport:
    """`generate_shard`, but a certain model kills the process, as a bug in a driver might."""
    real = compose.compose_samples

    def deadly(renderer: Renderer, source: compose.ModelSource, *rest: object, **more: object) -> object:
        if source.group == "tiny-1":
            os._exit(11)
        return real(renderer, source, *rest, **more)  # type: ignore[arg-type]

    worker.compose_samples = deadly  # type: ignore[assignment]
    return worker.generate_shard(task)


def test_a_shard_that_hangs_before_its_first_model_is_missing(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "generate_shard", sleep_instead)
    monkeypatch.setattr(runner, "ATTEMPTS", 1)
    settings = EngineSettings(hangs_after_s=0.3)
    config = replace(tiny.config, out=tmp_path)
    summary = run_plan(tiny.plan, config, tiny.models, workers=1, shards=range(1), engine=settings)
    assert summary.present == 0
    assert summary.failed == (("train-000000", "its worker died 1 times"),)


def sleep_instead(task: object) -> object:
    """A worker that never comes back."""
    time.sleep(600)
    return task


def test_a_folder_without_models_is_one_sentence(make_dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MmdgenError, match=r"no model file \(.pmx or .pmd\) below .*empty"):
        prepare_models(replace(make_dataset(1), folders=(tmp_path / "empty",)))
    with pytest.raises(MmdgenError, match="is no folder"):
        prepare_models(replace(make_dataset(1), folders=(tmp_path / "nowhere",)))


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A data set some of whose samples break a rule: heads turned far leave too much of their box empty."""
    folder = tmp_path_factory.mktemp("gated")
    tiny = survey(write_tiny_dataset(folder, 3, samples=60))
    whole = tiny.render(tiny.config.out)
    assert whole.is_complete
    rows = [row for _, found in published_shards(tiny.config.out / "train") for row in found]
    middle = sorted(row["quality"]["posed"]["head"] for row in rows)[20]
    shutil.rmtree(tiny.config.out / "train")
    return survey(replace(tiny.config, quality=QualityRules(min_head=middle)))


def test_samples_that_break_a_rule_are_left_out_and_listed(gated: Tiny, tmp_path: Path) -> None:
    summary = gated.render(tmp_path)
    kept = [row for _, found in published_shards(tmp_path / "train") for row in found]
    listed = [row for job in gated.plan.jobs for row in read_left_out(tmp_path / "train", job.shard)]
    assert 0 < len(listed) < 60
    assert len(kept) + len(listed) == 60
    assert {row["key"] for row in kept}.isdisjoint(row["key"] for row in listed)
    limit = gated.config.quality.min_head
    assert limit is not None
    assert all(row["quality"][name]["head"] >= limit for row in kept for name in ("rest", "posed"))
    assert all(row["by_rule"] and row["reason"].startswith("the head is not in its box") for row in listed)
    assert summary.is_complete  # nothing is missing that was not meant to be
    assert summary.present == len(kept)
    assert sum(row["samples"] for row in summary.left_out) == len(listed)


def test_what_a_rule_leaves_out_hangs_on_nothing_but_the_plan(gated: Tiny, tmp_path: Path) -> None:
    one, pieces = tmp_path / "one", tmp_path / "pieces"
    gated.render(one, workers=2)
    for shards in (range(3, 99), range(0, 3)):
        assert gated.render(pieces, shards=shards).is_complete
    assert fingerprints(pieces) == fingerprints(one)
    for path in (one / "train").glob("*.left_out.json"):
        assert path.read_bytes() == (pieces / "train" / path.name).read_bytes()
    assert gated.render(one).rendered == 0


def test_the_report_says_which_samples_a_rule_left_out(gated: Tiny, tmp_path: Path) -> None:
    summary = gated.render(tmp_path)
    finish_dataset(replace(gated.config, out=tmp_path), [summary])
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "the head is not in its box in the posed picture" in page
    assert page.count("<td>a rule of quality</td>") == len(summary.left_out) > 0
    (job, *_) = (job for job in gated.plan.jobs if read_left_out(tmp_path / "train", job.shard))
    assert read_left_out(tmp_path / "train", job.shard)[0]["key"] in page
    assert verify_dataset(tmp_path) == []


def test_a_damaged_table_is_said_by_the_report(tiny: Tiny, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    finish_dataset(replace(tiny.config, out=tmp_path / "out"), [])
    table = tmp_path / "out" / "manifest" / "train.parquet"
    table.write_bytes(table.read_bytes()[:100])
    with pytest.raises(DatasetError, match=r"train\.parquet: is damaged \(.*\); run mmdgen render again"):
        write_report(tmp_path / "out")
