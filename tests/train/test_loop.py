"""The loop learns, resumes bit for bit, and says in one sentence what is in its way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")

from mmdgen.dataset.reader import decode_png  # noqa: E402
from mmdgen.errors import BackendError, DatasetError, NetworkError  # noqa: E402
from mmdgen.train import loop  # noqa: E402
from mmdgen.train.checkpoints import load_network, read_checkpoint  # noqa: E402
from mmdgen.train.config import LossKind, MaskWarmUp, TrainConfig  # noqa: E402
from mmdgen.train.loop import TrainOptions, train  # noqa: E402
from mmdgen.train.losses import Vgg16Features, l1_loss  # noqa: E402
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network  # noqa: E402
from mmdgen.train.steps import answers  # noqa: E402
from tests.dataset.conftest import SIZE_PX  # noqa: E402

MakeConfig = Callable[..., TrainConfig]
MakeOptions = Callable[..., TrainOptions]
KINDS = [kind.value for kind in NetworkKind]


def log_of(run: Path) -> list[dict[str, Any]]:
    lines = (run / "log.jsonl").read_text("utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [{name: value for name, value in row.items() if name != "images_per_second"} for row in rows]


def assert_same_run(ours: Path, theirs: Path) -> None:
    """Weights, optimizer and generator are the same bit for bit, and the logs say the same."""
    first, second = read_checkpoint(ours), read_checkpoint(theirs)
    assert first.images_seen == second.images_seen
    assert first.training is not None
    assert second.training is not None
    for name, value in first.state.items():
        assert torch.equal(value, second.state[name]), name
    moments, others = (state.training["optimizer"]["state"] for state in (first, second))
    for index, state in moments.items():
        for name, value in state.items():
            assert torch.equal(value, others[index][name]), (index, name)
    assert torch.equal(first.training["generator"], second.training["generator"])
    assert log_of(ours) == log_of(theirs)


@pytest.fixture
def trained_rotator(tiny_config: MakeConfig, options: MakeOptions) -> Path:
    """A rotator's run of two batches."""
    where = options("rotator", images=8)
    train(tiny_config("face-rotator"), where)
    return where.out


# ---- learning ----


def waves(shift: float) -> Any:
    """A smooth picture in network colours, (4, 16, 16), moved sideways by a part of itself."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    x, y = columns - shift, rows
    return 0.9 * torch.stack(
        [torch.sin(2 * x), torch.cos(2 * y + x), torch.sin(x * y), torch.exp(-x * x - y * y)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", NetworkKind)
def test_one_batch_is_learnt_by_heart(kind: NetworkKind) -> None:
    torch.manual_seed(0)
    network = build_network(NetworkConfig(kind, 8, 16))
    if kind is NetworkKind.FACE_ROTATOR:  # pixels that a random flow takes from outside learn slowly
        torch.nn.init.zeros_(network.zhou_grid_change.weight)
    source = torch.stack([waves(0.0), waves(0.3)])
    target = torch.stack([waves(0.1), waves(0.2)])
    pose = torch.tensor([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]])
    inputs = (source, source.flip(0)) if kind is NetworkKind.COMBINER else (source,)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3, (0.5, 0.999))
    for _ in range(800):
        losses = [l1_loss(image, target) for image in answers(network(*inputs, pose)).values()]
        if all(float(loss.detach()) < 0.01 for loss in losses):
            return
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
        optimizer.step()
    pytest.fail(f"the losses are still {[round(float(loss), 4) for loss in losses]}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_leaves_checkpoint_log_and_sheets(
    kind: str, tiny_config: MakeConfig, options: MakeOptions, trained_rotator: Path
) -> None:
    where = options(rotator=trained_rotator, images=18)
    told: list[tuple[int, int]] = []
    summary = train(tiny_config(kind), where, on_progress=lambda done, total: told.append((done, total)))
    assert summary.images == summary.trained == 20  # five whole batches
    assert told == [(images, 18) for images in (4, 8, 12, 16, 20)]
    loaded = load_network(where.out, kind=kind)
    assert loaded.images_seen == 20
    rows = log_of(where.out)
    named = {name for row in rows for name in row}
    answered = {"face-morpher": {"morphed"}, "face-rotator": {"pumarola", "zhou"}, "combiner": {"combined"}}
    assert answered[kind] | {"loss", "validation/identity"} <= named
    assert summary.validation == {
        name: pytest.approx(rows[-1][name], rel=1e-4) for name in summary.validation
    }
    sheets = sorted((where.out / "samples").glob("*.png"))
    assert [sheet.name for sheet in sheets] == [f"images-{images:09d}.png" for images in (8, 16, 20)]
    columns = {"face-morpher": 5, "face-rotator": 7, "combiner": 8}[kind]
    assert decode_png(sheets[0].read_bytes()).shape == (4 * 18 - 2, columns * 18 - 2, 4)


def test_the_loss_falls(tiny_config: MakeConfig, options: MakeOptions) -> None:
    train(tiny_config(), options(images=160, checkpoint_every=40))
    losses = [row["loss"] for row in log_of(options().out) if "loss" in row]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_validation_of_the_identity_is_the_difference_of_the_pictures(
    tiny_config: MakeConfig, options: MakeOptions
) -> None:
    from mmdgen.train.data import Examples, network_colors

    where = options(images=4)
    summary = train(tiny_config(), where)
    examples = Examples(where.data, "validation", tiny_config().network)
    differences = [
        l1_loss(*(network_colors(picture[None]) for picture in examples[number][:2])) for number in range(4)
    ]
    expected = float(torch.stack(differences).mean())
    assert summary.validation["validation/identity"] == pytest.approx(expected, rel=1e-5)


def test_the_perceptual_part_joins_after_the_warm_up(
    tiny_config: MakeConfig, options: MakeOptions, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    torch.save(Vgg16Features().state_dict(), tmp_path / "vgg.pth")
    config = tiny_config("face-rotator", loss=LossKind.PERCEPTUAL, warm_up_images=8)
    where = options(images=16, checkpoint_every=40, vgg=tmp_path / "vgg.pth")
    train(config, where)
    train(replace(config, loss=LossKind.L1, warm_up_images=0), replace(where, out=tmp_path / "l1", vgg=None))
    warmed, plain = log_of(where.out), log_of(tmp_path / "l1")
    assert warmed[:2] == plain[:2]
    assert warmed[2]["loss"] > plain[2]["loss"]
    assert read_checkpoint(where.out).state.keys() == read_checkpoint(tmp_path / "l1").state.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision_and_channels_last_train_to_nearly_the_same(
    kind: str, tiny_config: MakeConfig, options: MakeOptions, trained_rotator: Path, tmp_path: Path
) -> None:
    where = options(rotator=trained_rotator, images=16)
    train(tiny_config(kind), where)
    train(tiny_config(kind, bf16=True), replace(where, out=tmp_path / "bf16", channels_last=True))
    losses, rounded = (
        [row["loss"] for row in log_of(run) if "loss" in row] for run in (where.out, tmp_path / "bf16")
    )
    assert rounded == pytest.approx(losses, rel=0.05)
    assert all(value.dtype == torch.float32 for value in read_checkpoint(tmp_path / "bf16").state.values())


def test_tensorboard_gets_scalars_and_sheets(tiny_config: MakeConfig, options: MakeOptions) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard: make setup-train")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    where = options(images=8, tensorboard=True)
    train(tiny_config(), where)
    events = EventAccumulator(str(where.out / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [4, 8]
    assert [event.step for event in events.Images("samples")] == [8]


def test_masks_stand_at_one_half_during_their_warm_up_and_move_afterwards(
    tiny_config: MakeConfig, options: MakeOptions
) -> None:
    config = tiny_config(mask_warm_up=MaskWarmUp(images=8, learning_rate_share=0.1))
    train(config, options(images=8))
    standing = load_network(options().out).network
    assert not standing.alpha_mask[0].weight.any()
    assert (standing(torch.rand(1, 4, 16, 16), torch.rand(1, 3)).mask == 0.5).all()
    train(config, options(images=12))
    moved = load_network(options().out).network.alpha_mask[0].weight
    assert 0 < float(moved.detach().abs().max()) < 2 * 0.1 * config.learning_rate


def test_a_still_flow_begins_at_the_input(tiny_config: MakeConfig) -> None:
    network = loop.new_network(tiny_config("face-rotator", still_flow=True))
    image = torch.rand(1, 4, 16, 16)
    torch.testing.assert_close(network(image, torch.rand(1, 3)).zhou, image)


# ---- resuming ----


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_two_parts_is_the_run_in_one(
    kind: str, tiny_config: MakeConfig, options: MakeOptions, trained_rotator: Path
) -> None:
    whole, parts = (options(name, rotator=trained_rotator, images=40) for name in ("whole", "parts"))
    config = tiny_config(kind, mask_warm_up=MaskWarmUp(24, 0.1) if kind == "face-morpher" else None)
    train(config, whole)
    train(config, replace(parts, images=16))
    assert train(config, parts).trained == 24
    assert_same_run(whole.out, parts.out)


def test_a_finished_run_trains_nothing_more(tiny_config: MakeConfig, options: MakeOptions) -> None:
    train(tiny_config(), options())
    before = (options().out / "checkpoint.pt").read_bytes()
    assert train(tiny_config(), options()).trained == 0
    assert (options().out / "checkpoint.pt").read_bytes() == before


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
import torch
from mmdgen.train.config import TrainConfig
from mmdgen.train.loop import TrainOptions, train
from mmdgen.train.networks import NetworkConfig, NetworkKind

data, out, how, at = sys.argv[1:]

def strike(done, total):
    if done == int(at):
        os.kill(os.getpid(), getattr(signal, how))

torch.set_num_threads(1)
network = NetworkConfig(NetworkKind.FACE_MORPHER, 2, 16)
config = TrainConfig(network=network, batch_size=4, learning_rate=1e-3)
options = TrainOptions(data=Path(data), out=Path(out), images=40, checkpoint_every=8, device="cpu")
try:
    train(config, options, on_progress=strike)
except KeyboardInterrupt:
    sys.exit(130)
"""


def killed_run(options: TrainOptions, how: str, at: int) -> int:
    """Start a run in its own process, which sends itself a signal after so many images."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(options.data), str(options.out), how, str(at)],
        timeout=300,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    return done.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_after_kill_9_in_mid_epoch_the_weights_are_those_of_an_undisturbed_run(
    tiny_config: MakeConfig, options: MakeOptions
) -> None:
    undisturbed, killed = options("undisturbed", images=40), options("killed", images=40)
    train(tiny_config(), undisturbed)
    assert killed_run(killed, "SIGKILL", 28) == -signal.SIGKILL  # an epoch is 20: the second, before 32
    assert read_checkpoint(killed.out).images_seen == 24
    train(tiny_config(), killed)
    assert_same_run(undisturbed.out, killed.out)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_saves_where_it_is(
    how: str, tiny_config: MakeConfig, options: MakeOptions
) -> None:
    undisturbed, stopped = options("undisturbed", images=40), options("stopped", images=40)
    train(tiny_config(), undisturbed)
    assert killed_run(stopped, how, 28) == 130
    assert read_checkpoint(stopped.out).images_seen == 28
    train(tiny_config(), stopped)
    for name, value in read_checkpoint(undisturbed.out).state.items():
        assert torch.equal(value, read_checkpoint(stopped.out).state[name])


def test_what_a_crash_logged_beyond_the_checkpoint_is_logged_once(
    tiny_config: MakeConfig, options: MakeOptions
) -> None:
    train(tiny_config(), options(images=8))
    with (options().out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"images": 12, "loss": 9}\n\x00\x00\n7\n{"images": 16, "lo')
    train(tiny_config(), options(images=16))
    rows = log_of(options().out)
    assert [row["images"] for row in rows if "loss" in row] == [4, 8, 12, 16]
    assert all(row["loss"] < 9 for row in rows if "loss" in row)


def test_adam_sees_the_articles_sum(tiny_config: MakeConfig) -> None:
    """Adam with a c times smaller loss and epsilon takes the same steps, also where gradients are tiny."""
    size = 16
    steps = []
    for scale, epsilon in ((1.0, loop.adam_epsilon(tiny_config().network)), (4.0 * size * size, 1e-8)):
        weight = torch.nn.Parameter(torch.tensor([0.0, 0.0], dtype=torch.float64))
        optimizer = torch.optim.Adam([weight], 1e-3, (0.5, 0.999), eps=epsilon)
        for gradient in ([1.0, 1e-9], [0.5, 3e-10], [2.0, 2e-9]):
            weight.grad = scale * torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
        steps.append(weight.detach().clone())
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-9, atol=0)


# ---- several processes ----


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["face-morpher", "face-rotator"])
def test_two_processes_have_the_loss_curve_of_one(
    kind: str, tiny_config: MakeConfig, options: MakeOptions, tmp_path: Path
) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        KILLED_RUN.replace("FACE_MORPHER", NetworkKind(kind).name).replace("1e-3", "1e-4"), encoding="utf-8"
    )
    one, two = options("one", images=40), options("two", images=40)
    # small steps: Adam turns the rounding of gradients that are nothing but rounding into whole ones
    train(tiny_config(kind, learning_rate=1e-4), one)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*command, str(script), str(two.data), str(two.out), "SIGKILL", "-1"],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    ours, theirs = log_of(one.out), log_of(two.out)
    assert [row["images"] for row in ours] == [row["images"] for row in theirs]
    for row, other in zip(ours, theirs, strict=True):
        assert other == {name: pytest.approx(value, rel=5e-3) for name, value in row.items()}
    assert read_checkpoint(two.out).images_seen == 40


def test_a_batch_that_processes_cannot_share_is_refused() -> None:
    with pytest.raises(NetworkError, match="batch of 25 images cannot be shared by 2 processes"):
        loop.share_of_batch(25, 2)


# ---- what can be in the way ----


def test_another_configuration_does_not_resume_a_run(tiny_config: MakeConfig, options: MakeOptions) -> None:
    train(tiny_config(), options(images=4))
    with pytest.raises(NetworkError, match=r"run: was begun with config\.batch_size 4, not 5"):
        train(tiny_config(batch_size=5), options())
    wider = replace(tiny_config(), network=NetworkConfig(NetworkKind.FACE_MORPHER, 4, SIZE_PX))
    with pytest.raises(NetworkError, match=r"was begun with config\.network\.width 2, not 4"):
        train(wider, options())
    rotator = TrainConfig(NetworkConfig(NetworkKind.FACE_ROTATOR, 2, SIZE_PX), batch_size=5, learning_rate=1)
    with pytest.raises(NetworkError, match=r"config\.network\.kind face-morpher, not face-rotator"):
        train(rotator, options())


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_damaged_record_of_a_run_is_said(tiny_config: MakeConfig, options: MakeOptions, text: str) -> None:
    options().out.mkdir()
    (options().out / "run.json").write_text(text, "utf-8")
    with pytest.raises(NetworkError, match=r"run\.json: is damaged .*; choose another --out"):
        train(tiny_config(), options())


def test_another_data_set_does_not_resume_a_run(
    tiny_config: MakeConfig, options: MakeOptions, write_dataset: Callable[..., Any]
) -> None:
    train(tiny_config(), options(images=4))
    other = write_dataset("other", seed=5)
    with pytest.raises(NetworkError, match=r"was begun with data\.fingerprint"):
        train(tiny_config(), replace(options(), data=other.out))


def test_a_missing_split_is_said(tiny_config: MakeConfig, options: MakeOptions) -> None:
    manifest = options().data / "dataset.json"
    facts = json.loads(manifest.read_text("utf-8"))
    del facts["splits"]["train"]
    manifest.write_text(json.dumps(facts), "utf-8")
    shutil.rmtree(options().data / "train")
    with pytest.raises(DatasetError, match=r"train: holds no whole shard; render the split first"):
        train(tiny_config(), options())
    assert not options().out.exists()


def test_without_a_validation_split_training_goes_on(tiny_config: MakeConfig, options: MakeOptions) -> None:
    manifest = options().data / "dataset.json"
    facts = json.loads(manifest.read_text("utf-8"))
    del facts["splits"]["validation"]
    manifest.write_text(json.dumps(facts), "utf-8")
    assert train(tiny_config(), options(images=8)).validation == {}
    assert len([*(options().out / "samples").glob("*.png")]) == 1


def test_a_combiner_without_rotator_is_told_to_name_one(
    tiny_config: MakeConfig, options: MakeOptions
) -> None:
    with pytest.raises(NetworkError, match="--rotator RUN"):
        train(tiny_config("combiner"), options())


def test_a_rotator_for_other_pictures_is_refused(
    tiny_config: MakeConfig, options: MakeOptions, tmp_path: Path
) -> None:
    from mmdgen.train.checkpoints import Checkpoint, write_checkpoint

    config = NetworkConfig(NetworkKind.FACE_ROTATOR, 2, 32)
    write_checkpoint(tmp_path / "large.pt", Checkpoint(config, build_network(config).state_dict()))
    with pytest.raises(NetworkError, match="is a rotator for 32 px, the combiner is for 16 px"):
        train(tiny_config("combiner"), options(rotator=tmp_path / "large.pt"))


def test_another_rotator_does_not_resume_a_combiner(
    tiny_config: MakeConfig, options: MakeOptions, trained_rotator: Path
) -> None:
    train(tiny_config("combiner"), options(rotator=trained_rotator, images=4))
    train(tiny_config("face-rotator"), replace(options(images=12), out=trained_rotator))
    with pytest.raises(NetworkError, match=r"was begun with rotator\.sha256"):
        train(tiny_config("combiner"), options(rotator=trained_rotator))


def test_the_morpher_has_no_perceptual_loss(tiny_config: MakeConfig) -> None:
    with pytest.raises(NetworkError, match="train it with --loss l1"):
        tiny_config(loss=LossKind.PERCEPTUAL)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(
    tiny_config: MakeConfig, options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny_config(), options(images=8))
    monkeypatch.setattr(loop, "l1_loss", lambda output, target: l1_loss(output, target) * torch.nan)
    with pytest.raises(NetworkError, match="the loss is no number any more after 12 images"):
        train(tiny_config(), options(images=16))
    assert read_checkpoint(options().out).images_seen == 8


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            torch.cuda.OutOfMemoryError("CUDA out of memory"),
            "the GPU has too little memory .* --batch-size 2",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "too little memory .* --batch-size 2"),
    ],
)
def test_too_little_memory_says_what_to_change(
    error: Exception,
    sentence: str,
    tiny_config: MakeConfig,
    options: MakeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(output: Any, target: Any) -> Any:
        raise error

    monkeypatch.setattr(loop, "l1_loss", fail)
    with pytest.raises(NetworkError, match=sentence):
        train(tiny_config(), options())


def test_a_gpu_that_is_not_there_is_said(tiny_config: MakeConfig, options: MakeOptions) -> None:
    with pytest.raises(BackendError, match=r"no GPU number 99: .* --device cpu"):
        train(tiny_config(), options(device=99))
