"""A run's folder: what it was begun with, its newest checkpoint, its log and its sample sheets.

RUN/
  run.json         what decides the weights; a run is only ever resumed with the same
  checkpoint.pt    the newest state, replaced as a whole
  log.jsonl        one JSON object a line: losses, speed, validation
  samples/         a sheet of pictures for each checkpoint
  tensorboard/     the same for TensorBoard, if asked for
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmdgen.dataset.storage import make_folder, storage_error, write_text, write_whole
from mmdgen.errors import BackendError, NetworkError
from mmdgen.images import Image, encode_png
from mmdgen.train.checkpoints import CHECKPOINT_FILE, Checkpoint, read_checkpoint

RUN_FILE = "run.json"
LOG_FILE = "log.jsonl"


def begin_or_resume(run: Path, facts: Mapping[str, Any]) -> Checkpoint | None:
    """The newest checkpoint of a run, or None for a run that is new or has none yet.

    Args:
        run: the run's folder; is made if there is none.
        facts: what decides the weights, plain values.

    Raises:
        NetworkError: the folder is of a run that was begun with other settings or other data.
    """
    begun = read_facts(run)
    if begun is not None:
        refuse_other_facts(run, begun, json.loads(json.dumps(facts)))
    return read_checkpoint(run) if (run / CHECKPOINT_FILE).is_file() else None


def read_facts(run: Path) -> dict[str, Any] | None:
    """What a run was begun with, None if the folder is of no run. Raises NetworkError."""
    path = run / RUN_FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NetworkError(f"{path}: is damaged ({error}); choose another --out") from error
    if not isinstance(facts, dict):
        raise NetworkError(f"{path}: is damaged (it holds no settings); choose another --out")
    return facts


def write_facts(run: Path, facts: Mapping[str, Any]) -> None:
    """Make a run's folder and write down what it is begun with. Raises StorageError."""
    make_folder(run / "samples")
    write_text(run / RUN_FILE, json.dumps(facts, indent=1) + "\n")


def refuse_other_facts(run: Path, begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise NetworkError for the first fact that differs."""
    before, after = dict(_flat(begun)), dict(_flat(now))
    for name in {**before, **after}:  # in order: which network it is comes first
        if before.get(name) != after.get(name):
            raise NetworkError(
                f"{run}: was begun with {name} {before.get(name)}, not {after.get(name)}; "
                "type the same command to go on, or choose another --out"
            )


class RunLog:
    """Writes a run's log, and its sheets; TensorBoard too if asked for.

    Args:
        run: the folder.
        images_seen: where the run goes on; what was logged beyond is dropped, for it happens again.
        tensorboard: whether to write for TensorBoard as well.
    """

    def __init__(self, run: Path, images_seen: int, *, tensorboard: bool) -> None:
        self._run = run
        self._path = run / LOG_FILE
        kept = [row for row in self._rows() if row["images"] <= images_seen]
        write_text(self._path, "".join(json.dumps(row) + "\n" for row in kept))
        self._board = _open_board(run / "tensorboard", images_seen) if tensorboard else None

    def _rows(self) -> Iterator[dict[str, Any]]:
        """What was logged so far; what is no line of a log, as a crash leaves it, is passed over."""
        if not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("images"), int):
                yield row

    def write(self, images: int, values: Mapping[str, float]) -> None:
        """Add a line. Raises StorageError."""
        row = {"images": images, **{name: float(f"{value:.6g}") for name, value in values.items()}}
        try:
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise storage_error(self._path, error) from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, images)

    def write_sheet(self, images: int, sheet: Image) -> None:
        """Add a sheet of sample pictures. Raises StorageError."""
        write_whole(self._run / "samples" / f"images-{images:09d}.png", encode_png(sheet))
        if self._board is not None:
            self._board.add_image("samples", sheet[..., :3], images, dataformats="HWC")

    def close(self) -> None:
        """Let TensorBoard have the rest."""
        if self._board is not None:
            self._board.close()


def _open_board(folder: Path, images_seen: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BackendError("--tensorboard needs TensorBoard: pip install tensorboard") from None
    return SummaryWriter(str(folder), purge_step=images_seen + 1)


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in table.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return rows
