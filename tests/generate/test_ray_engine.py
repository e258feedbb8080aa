"""Ray: a cluster of two nodes on this machine. The bytes are those of `local`, whatever is killed."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmdgen import __version__
from mmdgen.dataset.shard import published_names
from mmdgen.errors import BackendError
from mmdgen.generate import ray_engine, runner
from mmdgen.generate.engines import EngineKind, EngineSettings, open_engine, run_tasks
from mmdgen.generate.guards import Limits
from tests.generate.conftest import CHECKOUT, Tiny, fingerprints
from tests.generate.test_faults import LIMITS, break_by_model, check_models_that_break

RAY = EngineSettings(EngineKind.RAY)

# ray.init and the nodes of a test cluster leave the files of their logs to the garbage collector
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def shout(word: str) -> str:
    return word.upper()


def test_without_ray_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match=r'--engine ray needs an extra: pip install "mmdgen\[ray\]"'):
        open_engine(shout, settings=RAY)


def test_another_version_on_a_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match=r"has mmdgen .*, the command is mmdgen 0\.0\.0; install the same"):
        ray_engine.run_on_machine(shout, "a", Limits(), "0.0.0", ".")


def test_relative_paths_are_meant_from_where_the_command_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path.cwd())  # comes back to it afterwards
    (tmp_path / "word.txt").write_text("here", encoding="utf-8")
    limits, folder = Limits(), str(tmp_path)
    assert ray_engine.run_on_machine(read, "word.txt", limits, __version__, folder) == "here"
    gone = str(tmp_path / "nowhere")  # a machine that has not got that folder goes by whole paths
    assert ray_engine.run_on_machine(read, str(tmp_path / "word.txt"), limits, __version__, gone) == "here"


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "127.0.0.1:99999"])
def test_an_address_where_nobody_answers_is_said_at_once(address: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = address.format(port=taken.getsockname()[1])
        with pytest.raises(BackendError, match=f"{address}: no Ray cluster answers there"):
            ray_engine._connect(Uninitialized(), address, None)


class Uninitialized(ModuleType):
    """Ray before anybody joined a cluster."""

    def __init__(self) -> None:
        super().__init__("ray")

    def is_initialized(self) -> bool:
        return False


def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a worker each; this process is joined to them."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        environment.setenv("PYTHONPATH", str(CHECKOUT))
        import ray
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
        opened = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        opened.add_node(**node)
        ray.init(address=opened.address, log_to_driver=False, logging_level="ERROR")
        yield opened
        ray.shutdown()
        opened.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("renderer")
class TestOnACluster:
    """One cluster for all: starting it is the slow part."""

    def test_a_run_gives_the_bytes_of_local(
        self, cluster: Any, tiny: Tiny, whole: Path, tmp_path: Path
    ) -> None:
        assert tiny.render(tmp_path, workers=None, engine=RAY).is_complete
        assert fingerprints(tmp_path) == fingerprints(whole)

    def test_sixteen_groups_of_shards_in_any_order_give_the_same_bytes(
        self, cluster: Any, tiny: Tiny, whole: Path, tmp_path: Path
    ) -> None:
        groups = [range(first, first + 2) for first in range(0, 32, 2)]
        for number, group in enumerate(reversed(groups)):
            engine = RAY if number % 4 == 0 else EngineSettings()
            assert tiny.render(tmp_path, workers=1 + number % 2, shards=group, engine=engine).is_complete
        assert fingerprints(tmp_path) == fingerprints(whole)

    def test_models_that_crash_hang_or_eat_memory_are_set_aside(
        self, cluster: Any, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "generate_shard", break_by_model)
        check_models_that_break(tiny, tmp_path, EngineSettings(EngineKind.RAY, **LIMITS))

    @pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of its own settings
    def test_ray_data_reads_the_shards(self, cluster: Any, tiny: Tiny, whole: Path) -> None:
        import ray

        shards = sorted(str(path) for path in (whole / "train").glob("*.tar"))
        rows = ray.data.read_webdataset(shards, override_num_blocks=2).take_all()
        assert len(rows) == tiny.plan.sample_count
        assert all(row["rest.png"].shape == (32, 32, 4) and "pose" in row["json"] for row in rows)

    def test_a_node_that_is_killed_loses_nothing(
        self, cluster: Any, tiny: Tiny, whole: Path, tmp_path: Path
    ) -> None:
        doomed = cluster.add_node(num_cpus=2, object_store_memory=80 * 2**20)

        def kill_soon() -> None:
            while len(published_names(tmp_path / "train")) < 3:
                time.sleep(0.05)
            cluster.remove_node(doomed, allow_graceful=False)

        killer = threading.Thread(target=kill_soon, daemon=True)  # a run that fails must not wait for it
        killer.start()
        summary = tiny.render(tmp_path, workers=4, engine=RAY)
        killer.join()
        assert summary.is_complete
        assert fingerprints(tmp_path) == fingerprints(whole)

    def test_what_a_task_raises_comes_back_as_it_was(self, cluster: Any) -> None:
        with open_engine(fail, settings=RAY) as engine, pytest.raises(BackendError, match="as asked"):
            list(run_tasks(engine, ["a"]))


def fail(task: str) -> str:
    raise BackendError(f"{task}: as asked")
