"""What can go wrong during a run, done to real processes: nothing is lost, and the bytes stay the same."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from mmdgen.cli.main import cli
from mmdgen.dataset.config import Split
from mmdgen.dataset.shard import published_names
from mmdgen.generate import compose, runner, worker
from mmdgen.generate.engines import EngineKind, EngineSettings
from mmdgen.generate.runner import plan_split, run_plan
from mmdgen.render import Renderer, RenderSettings
from tests.generate.conftest import CHECKOUT, Tiny, fingerprints, tiny_toml, write_tiny_dataset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("renderer"),  # skips where there is no OpenGL
    pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows"),
]


@dataclass(frozen=True)
class Workplace:
    """A folder with mmdgen.toml, where `mmdgen render` is typed."""

    folder: Path

    def start(self, out: Path) -> subprocess.Popen[str]:
        """Start a run of two workers, with a process group of its own as a terminal gives it one."""
        command = [sys.executable, "-m", "mmdgen", "render", "--workers", "2", "--out", str(out)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def finish(self, out: Path) -> str:
        """Run to the end; what it prints."""
        run = self.start(out)
        output, _ = run.communicate()
        assert run.returncode == 0, output
        return output


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    folder = tmp_path_factory.mktemp("workplace")
    write_tiny_dataset(folder, 4)
    (folder / "mmdgen.toml").write_text(tiny_toml("train", samples=480), encoding="utf-8")
    return Workplace(folder)


@pytest.fixture(scope="module")
def undisturbed(workplace: Workplace) -> dict[str, str]:
    out = workplace.folder / "undisturbed"
    workplace.finish(out)
    return fingerprints(out)


def workers_of(run: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        children = psutil.Process(run.pid).children()
        return [child for child in children if "popen_loky_posix" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def kill_a_worker(run: subprocess.Popen[str], moment: np.random.Generator) -> None:
    workers = workers_of(run)
    if workers:
        os.kill(workers[int(moment.integers(len(workers)))].pid, signal.SIGKILL)


def kill_the_driver(run: subprocess.Popen[str], moment: np.random.Generator) -> None:
    run.kill()
    run.communicate()


def kill_the_machine(run: subprocess.Popen[str], moment: np.random.Generator) -> None:
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def test_twenty_kills_at_random_moments_change_no_byte(
    workplace: Workplace, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out, moment = tmp_path / "out", np.random.default_rng()
    kills = [kill_a_worker] * 10 + [kill_the_driver] * 6 + [kill_the_machine] * 4
    moment.shuffle(kills)
    run = workplace.start(out)
    for kill in kills:
        there = len(published_names(out / "train"))
        # something is finished between two kills, or one model would be blamed for three of them
        while len(published_names(out / "train")) == there and run.poll() is None:
            time.sleep(0.01)
        time.sleep(float(moment.uniform(0.0, 0.3)))
        if run.poll() is not None:  # a quick machine has finished: begin again, with the kills that are left
            run.communicate()
            assert fingerprints(out) == undisturbed
            shutil.rmtree(out)
            run = workplace.start(out)
            while not published_names(out / "train"):
                time.sleep(0.01)
        kill(run, moment)
        if run.poll() is not None:
            shard = f"train-{moment.integers(60):06d}"
            (out / "train" / f"{shard}.tar.0123456789ab.partial").write_bytes(b"left behind")
            run = workplace.start(out)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    assert fingerprints(out) == undisturbed
    workplace.finish(out)
    assert not list(out.rglob("*.partial"))


# Time for the third to take its memory on a busy machine, before it is ended as one that hangs.
LIMITS = {"hangs_after_s": 6.0, "memory_bytes": 400 * 2**20}
FAULTS: dict[str, Callable[[], object]] = {
    "tiny-1": lambda: ctypes.string_at(0),  # a segmentation fault
    "tiny-2": lambda: time.sleep(600),
    "tiny-3": lambda: [np.ones(2**20) for _ in range(1000)],
}


def break_by_model(task: worker.ShardTask) -> worker.ShardReport:
    """`generate_shard`, but of four models one crashes the process, one hangs it, and one eats memory."""

    def faulty(renderer: Renderer, source: compose.ModelSource, *rest: object, **more: object) -> object:
        if source.group in FAULTS:
            FAULTS[source.group]()
        return compose.compose_samples(renderer, source, *rest, **more)  # type: ignore[arg-type]

    faulthandler.disable()  # the crash is meant: nobody wants to read of it
    worker.compose_samples = faulty  # type: ignore[assignment]
    try:
        return worker.generate_shard(task)
    finally:
        worker.compose_samples = compose.compose_samples  # Ray gives the process to other runs too


def check_models_that_break(tiny: Tiny, out: Path, engine: EngineSettings) -> None:
    """Three of four models end their workers; the fourth is whole."""
    names = {model.record.model_id: model.group for model in tiny.models}
    config = replace(tiny.config, out=out, shard_size=50)
    plan = plan_split(config, tiny.models, Split.TRAIN)
    summary = run_plan(plan, config, tiny.models, workers=2, engine=engine)
    assert not summary.is_complete
    assert summary.present == summary.planned // 4
    reasons = {names[row["model_id"]]: row["reason"] for row in summary.left_out}
    assert reasons == {
        "tiny-1": "crashed or hung its worker 3 times",
        "tiny-2": "crashed or hung its worker 3 times",
        "tiny-3": "took more than 0.4 GiB of memory 3 times",
    }
    assert summary.failed == ()
    quarantine = json.loads((out / "train" / "quarantine.json").read_text(encoding="utf-8"))
    assert {names[identity] for identity in quarantine} == set(FAULTS)


def test_models_that_crash_hang_or_eat_memory_are_set_aside(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "generate_shard", break_by_model)
    check_models_that_break(tiny, tmp_path, EngineSettings(EngineKind.LOCAL, **LIMITS))


def crash(task: worker.ShardTask) -> worker.ShardReport:
    """`break_by_model`, but every model crashes."""
    FAULTS.update(dict.fromkeys((f"tiny-{number}" for number in range(4)), FAULTS["tiny-1"]))
    return break_by_model(task)


def test_the_command_says_what_is_missing_and_exits_1(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "generate_shard", crash)
    words = ["render", "--config", str(workplace.folder / "mmdgen.toml"), "--workers", "1"]
    result = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "out"), "--shards", "0:1"])
    assert result.exit_code == 1
    assert "left out: 8 samples of tiny-" in result.output
    assert "/model.pmx: crashed or hung its worker 3 times\n" in result.output
    assert "train: 0 of 8 samples, 0 rendered now" in result.output


GL_KINDS = ("Buffer", "Texture", "Renderbuffer", "VertexArray", "Framebuffer", "Program")


def live_objects(names: int = 400) -> dict[str, int]:
    """How many OpenGL objects of each kind the current context holds, by asking for every name."""
    egl = ctypes.CDLL("libEGL.so.1")
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)
    is_live = {name: kind(egl.eglGetProcAddress(f"glIs{name}".encode())) for name in GL_KINDS}
    return {name: sum(map(ask, range(1, names))) for name, ask in is_live.items()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks EGL for the functions of OpenGL")
def test_models_leave_nothing_on_the_gpu_even_if_they_break(tiny: Tiny) -> None:
    with Renderer(RenderSettings(software_threads=0)) as renderer:
        part = tiny.plan.jobs[0].parts[0]
        source = runner.model_sources(tiny.models)[part.model_id]
        keys = list(part.sample_keys())
        draw = partial(compose.compose_samples, renderer, source, keys, Split.TRAIN.value, tiny.config)
        list(draw())  # programs and framebuffers that stay are made now
        before = live_objects()
        for _ in range(3):
            list(draw())
            broken = draw()
            next(broken)
            assert live_objects()["Buffer"] > before["Buffer"]
            broken.close()  # what an error in the middle does
            assert live_objects() == before
