"""The training loop, the same for the three networks, read from top to bottom.

Progress is counted in images, so that nothing else depends on the batch size or on how many processes share
it. Where a run stands is one checkpoint: weights, optimizer, generator states and the number of images seen,
which is the reader's position too. On one CPU process the weights after a resume are, bit for bit, those of a
run that was never interrupted.
"""

from __future__ import annotations

import hashlib
import math
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mmdgen.dataset.manifest import read_manifest
from mmdgen.errors import DatasetError, NetworkError
from mmdgen.train.checkpoints import (
    CHECKPOINT_FILE,
    Checkpoint,
    load_network,
    network_from_state,
    write_checkpoint,
)
from mmdgen.train.config import PERCEPTUAL_WEIGHTS, LossKind, TrainConfig
from mmdgen.train.data import Batch, Examples, endless_batches, fixed_batches, to_device
from mmdgen.train.devices import Processes, joined_processes, memory_errors_explained
from mmdgen.train.losses import PerceptualLoss, l1_loss, load_vgg16
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network
from mmdgen.train.networks.face_rotator import FaceRotator
from mmdgen.train.run_folder import RunLog, begin_or_resume, write_facts
from mmdgen.train.samples import sample_sheet
from mmdgen.train.steps import MakeInputs, Output, answers, inputs_through, plain_inputs

VALIDATION_SAMPLES = 96
SHEET_ROWS = 8
LOGS_PER_CHECKPOINT = 10

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Where a run reads, writes and computes. Nothing here changes the weights by more than rounding."""

    data: Path  # the data set
    out: Path  # the run's folder
    images: int  # train until this many were seen
    checkpoint_every: int = 10_000  # images
    rotator: Path | None = None  # for a combiner: run or file of the rotator whose outputs it combines
    vgg: Path | None = None  # for the perceptual loss: VGG16's weights
    device: int | str | None = None  # number of a GPU, "cpu", or None: the first GPU if there is one
    workers: int = 0  # processes that read pictures
    channels_last: bool = False
    compile: bool = False
    tensorboard: bool = False


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """How far a run is."""

    images: int  # seen in all
    trained: int  # of these, now
    images_per_second: float  # validation and writing not counted
    validation: Mapping[str, float]  # L1 in network colours: of the answers, and of the input as it is
    is_first: bool = True  # whether this process is the one of several that tells


def train(
    config: TrainConfig,
    options: TrainOptions,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainSummary:
    """Train a network, from where the run's folder stands.

    Args:
        config: what decides the weights.
        options: the rest.
        on_progress: told images seen and images wanted after each batch.

    Raises:
        DatasetError: the data set is missing, damaged or not what the network is for.
        NetworkError: the run's folder is of another run, memory is short, or the loss is no number any more.
        BackendError: the device or an optional package is missing.
        KeyboardInterrupt: Ctrl-C or a SIGTERM came; a checkpoint was written.
    """
    with (
        joined_processes(options.device) as processes,
        memory_errors_explained(config.batch_size),
        held_interrupts(processes) as is_interrupted,
    ):
        device = processes.device
        memory_format = torch.channels_last if options.channels_last else torch.contiguous_format

        # Data.
        examples = Examples(options.data, "train", config.network)
        validation = validation_batches(config, options)
        shown = first_samples(validation or fixed_batches(examples, range(min(SHEET_ROWS, len(examples))), 1))

        # What stands still: the rotator before a combiner, the loss.
        make_inputs, rotator_facts = frozen_inputs(config, options, device, memory_format)
        loss_of = loss_functions(config, options, device)

        # The network, new or as it was left.
        torch.manual_seed(config.seed)
        facts = run_facts(config, options, rotator_facts)
        checkpoint = begin_or_resume(options.out, facts)
        if checkpoint is None:
            network = new_network(config)
        else:
            network = network_from_state(config.network, checkpoint.state, source=str(options.out))
        network.to(device=device, memory_format=memory_format)  # type: ignore[call-overload]
        optimizer = new_optimizer(network, config)
        images = 0 if checkpoint is None else restore(checkpoint, optimizer)
        trained = as_trained(network, options, processes)

        # The run's folder.
        log = None
        if processes.is_first:
            write_facts(options.out, facts)
            log = RunLog(options.out, images, tensorboard=options.tensorboard)

        # Train.
        batches = endless_batches(
            examples,
            share_of_batch(config.batch_size, processes.count),
            seed=config.seed,
            start=images,
            rank=processes.rank,
            processes=processes.count,
            workers=options.workers,
            pin_memory=device.type == "cuda",
        )
        begun_at, saved_at, scores = images, images, {}
        meter, clock = Meter(processes, device), Clock()
        while images < options.images and not is_interrupted():
            # One step.
            batch = to_device(next(batches), device, memory_format)
            with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
                output = trained(*make_inputs(batch))
                losses = {
                    name: loss_of(images)(image, batch.target) for name, image in answers(output).items()
                }
                loss = torch.stack([*losses.values()]).sum()
            set_mask_learning_rate(optimizer, config, images)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            before, images = images, images + config.batch_size
            meter.add({"loss": loss, **losses})
            clock.count(config.batch_size)
            on_progress(images, options.images)

            # Every few batches: the log.
            log_every = max(1, options.checkpoint_every // LOGS_PER_CHECKPOINT)
            is_due = is_crossed(before, images, options.checkpoint_every) or images >= options.images
            if is_crossed(before, images, log_every) or is_due:
                means = meter.means()
                if not math.isfinite(means["loss"]):
                    raise NetworkError(
                        f"{options.out}: the loss is no number any more after {images} images; the last "
                        "checkpoint is kept; try another --seed or a lower --learning-rate in a new --out"
                    )
                if log is not None:
                    log.write(images, {**means, "images_per_second": clock.rate})

            # More rarely: look at the network from outside, and save it.
            if is_due and log is not None:
                with clock.stopped():
                    save(options.out, config, network, optimizer, images)
                    saved_at = images
                    scores = validate(network, make_inputs, validation, config, device)
                    if scores:
                        log.write(images, scores)
                    log.write_sheet(images, sheet_of(network, make_inputs, shown, config, device))

        if log is not None:
            if images > saved_at:
                save(options.out, config, network, optimizer, images)
            log.close()
        if is_interrupted():
            raise KeyboardInterrupt
        return TrainSummary(images, images - begun_at, clock.overall, scores, processes.is_first)


# ---- parts of the loop, in the order of their use ----


@contextmanager
def held_interrupts(processes: Processes) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM wait for the end of the step; the value tells whether one came.

    The second one comes through at once. Several processes would wait for each other: there it always does.
    """
    heard: list[int] = []

    def hear(number: int, frame: object) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    if processes.count > 1:
        yield lambda: False
        return
    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def validation_batches(config: TrainConfig, options: TrainOptions) -> list[Batch]:
    """The first samples of the validation split, in batches; none if the data set has no such split."""
    split = read_manifest(options.data)["splits"].get("validation")
    if not split or not split["samples"]:
        return []
    examples = Examples(options.data, "validation", config.network)
    numbers = range(min(VALIDATION_SAMPLES, len(examples)))
    return [*fixed_batches(examples, numbers, config.batch_size)]


def first_samples(batches: Iterable[Batch]) -> Batch:
    """A batch of as many samples as a sheet has rows."""
    parts = zip(*batches, strict=True)
    return Batch(*(torch.cat(tensors)[:SHEET_ROWS] for tensors in parts))


def frozen_inputs(
    config: TrainConfig, options: TrainOptions, device: torch.device, memory_format: torch.memory_format
) -> tuple[MakeInputs, dict[str, str]]:
    """How a batch becomes a network's inputs, and what identifies the rotator in between, if there is one.

    Raises:
        NetworkError: a combiner was given no rotator, or one for other pictures.
    """
    if config.network.kind is not NetworkKind.COMBINER:
        return plain_inputs, {}
    if options.rotator is None:
        raise NetworkError("a combiner learns from a rotator's outputs: name its run with --rotator RUN")
    loaded = load_network(options.rotator, kind=NetworkKind.FACE_ROTATOR, size_px=config.network.size_px)
    if loaded.config.size_px != config.network.size_px:
        raise NetworkError(
            f"{loaded.path}: is a rotator for {loaded.config.size_px} px, the combiner is for "
            f"{config.network.size_px} px; choose another --preset or --rotator"
        )
    rotator = loaded.network.to(device=device, memory_format=memory_format)  # type: ignore[call-overload]
    rotator.requires_grad_(False)
    return inputs_through(rotator), {"sha256": state_sha256(loaded.network.state_dict())}


def loss_functions(
    config: TrainConfig, options: TrainOptions, device: torch.device
) -> Callable[[int], LossFunction]:
    """Images seen → the loss of an answer and its target. Raises NetworkError without VGG16's weights."""
    if config.loss is LossKind.L1:
        return lambda images: l1_loss
    weight = PERCEPTUAL_WEIGHTS[config.network.kind]
    perceptual = PerceptualLoss(load_vgg16(options.vgg), weight).to(device)
    return lambda images: l1_loss if images < config.warm_up_images else perceptual


def run_facts(config: TrainConfig, options: TrainOptions, rotator: Mapping[str, str]) -> dict[str, Any]:
    """What decides the weights, as plain values.

    Raises:
        DatasetError: the data set has no training split.
    """
    manifest = read_manifest(options.data)
    split = manifest["splits"].get("train")
    if split is None:
        raise DatasetError(f"{options.data}: has no split train; add [splits.train] and render it")
    data = {"name": manifest["name"], "fingerprint": split["fingerprint"], "samples": split["samples"]}
    return {"config": config.facts(), "data": data, "rotator": dict(rotator)}


def new_network(config: TrainConfig) -> nn.Module:
    """A freshly initialised network, with still flow and masks at one half where the configuration asks."""
    network = build_network(config.network)
    if config.still_flow and isinstance(network, FaceRotator):
        nn.init.zeros_(network.zhou_grid_change.weight)
    if config.mask_warm_up is not None:
        for parameter in mask_parameters(network):
            nn.init.zeros_(parameter)
    return network


def mask_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The weights of the heads that make masks."""
    return [parameter for name, parameter in network.named_parameters() if "alpha_mask" in name]


def new_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Adam:
    """Adam as in the article; masks with a warm-up are a group of their own, the last."""
    groups: list[dict[str, Any]] = [{"params": [*network.parameters()]}]
    if config.mask_warm_up is not None:
        masks = mask_parameters(network)
        others = [p for p in network.parameters() if not any(p is mask for mask in masks)]
        groups = [{"params": others}, {"params": masks}]
    return torch.optim.Adam(groups, config.learning_rate, config.betas, eps=adam_epsilon(config.network))


def set_mask_learning_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, images: int) -> None:
    """Hold the masks during their warm-up, and let them move more slowly than the rest afterwards."""
    if config.mask_warm_up is None:
        return
    share = 0.0 if images < config.mask_warm_up.images else config.mask_warm_up.learning_rate_share
    optimizer.param_groups[-1]["lr"] = share * config.learning_rate


def adam_epsilon(network: NetworkConfig) -> float:
    """Adam's epsilon of 1e-8 for the article's loss, a sum over 4 × H × W values, where ours is the mean.

    A network that keeps nearly all pixels soon has masks near 1 and gradients far below 1e-8 of the mean:
    with the usual epsilon the face morpher stops learning there.
    """
    return 1e-8 / (4 * network.size_px**2)


def restore(checkpoint: Checkpoint, optimizer: torch.optim.Optimizer) -> int:
    """Bring optimizer and generators to where a checkpoint was written; the images seen until then."""
    state = checkpoint.training
    assert state is not None, "plain state dicts are no runs"
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["generator"])
    if state["gpu_generators"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["gpu_generators"][: torch.cuda.device_count()])
    return checkpoint.images_seen


def as_trained(network: nn.Module, options: TrainOptions, processes: Processes) -> nn.Module:
    """The network as the loop calls it: compiled if asked for, gradients shared if there are others."""
    called = cast(nn.Module, torch.compile(network)) if options.compile else network
    if processes.count == 1:
        return called
    on_gpu = processes.device.type == "cuda"
    return DistributedDataParallel(called, device_ids=[processes.device] if on_gpu else None)


def share_of_batch(batch_size: int, processes: int) -> int:
    """Images of a batch that each process takes. Raises NetworkError if they cannot share it equally."""
    if batch_size % processes:
        raise NetworkError(
            f"a batch of {batch_size} images cannot be shared by {processes} processes; "
            f"give a --batch-size that is a multiple of {processes}"
        )
    return batch_size // processes


def is_crossed(before: int, now: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, now]."""
    return now // every > before // every


def save(
    run: Path, config: TrainConfig, network: nn.Module, optimizer: torch.optim.Optimizer, images: int
) -> None:
    """Write the newest checkpoint in place of the one before. Raises StorageError."""
    on_gpu = torch.cuda.is_available()
    training = {
        "optimizer": optimizer.state_dict(),
        "generator": torch.get_rng_state(),
        "gpu_generators": torch.cuda.get_rng_state_all() if on_gpu else [],
    }
    checkpoint = Checkpoint(config.network, network.state_dict(), images, training)
    write_checkpoint(run / CHECKPOINT_FILE, checkpoint)


def validate(
    network: nn.Module,
    make_inputs: MakeInputs,
    batches: list[Batch],
    config: TrainConfig,
    device: torch.device,
) -> dict[str, float]:
    """Mean L1 in network colours over validation samples: of each answer, of the inputs, of the identity."""
    sums: dict[str, float] = {}
    count = 0
    for batch in batches:
        shown, inputs, output = look_at(network, make_inputs, batch, config, device)
        pictures = {"identity": shown.source, **answers(output)}
        if config.network.kind is NetworkKind.COMBINER:
            pictures |= {"pumarola": inputs[0], "zhou": inputs[1]}
        for name, image in pictures.items():
            value = float(l1_loss(image, shown.target)) * len(image)
            sums[f"validation/{name}"] = sums.get(f"validation/{name}", 0.0) + value
        count += len(shown.source)
    return {name: value / count for name, value in sums.items()}


def sheet_of(
    network: nn.Module, make_inputs: MakeInputs, batch: Batch, config: TrainConfig, device: torch.device
) -> Any:
    """A sheet of a batch of uint8 pictures."""
    return sample_sheet(*look_at(network, make_inputs, batch, config, device))


def look_at(
    network: nn.Module, make_inputs: MakeInputs, batch: Batch, config: TrainConfig, device: torch.device
) -> tuple[Batch, tuple[Tensor, ...], Output]:
    """A batch in network colours, a network's inputs and its output for it, without gradients."""
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
        shown = to_device(batch, device, torch.contiguous_format)
        inputs = make_inputs(shown)
        return shown, inputs, network(*inputs)


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """What identifies a network's weights."""
    digest = hashlib.sha256()
    for name, value in state.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Meter:
    """Means of losses since the last look, over all processes; added up on the device: no step waits."""

    def __init__(self, processes: Processes, device: torch.device) -> None:
        self._processes = processes
        self._device = device
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Count a step's losses, scalars."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros((), device=self._device)) + value.detach()
        self._count += 1

    def means(self) -> dict[str, float]:
        """The means, and begin anew."""
        sums = torch.stack([*self._sums.values()]) / self._count
        if self._processes.count > 1:
            distributed.all_reduce(sums)
            sums /= self._processes.count
        means = dict(zip(self._sums, sums.tolist(), strict=True))
        self._sums, self._count = {}, 0
        return means


class Clock:
    """Images a second, without the time in which it was stopped."""

    def __init__(self) -> None:
        self._began = self._looked = time.perf_counter()
        self._images = self._images_since = 0

    def count(self, images: int) -> None:
        """More images were trained on."""
        self._images += images
        self._images_since += images

    @property
    def rate(self) -> float:
        """Since the last look."""
        now = time.perf_counter()
        rate = self._images_since / max(now - self._looked, 1e-9)
        self._looked, self._images_since = now, 0
        return rate

    @property
    def overall(self) -> float:
        """Since the beginning."""
        return self._images / max(time.perf_counter() - self._began, 1e-9)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Time inside does not count."""
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        self._began += spent
        self._looked += spent
