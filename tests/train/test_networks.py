"""The networks are the published ones: names, shapes and numbers."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")

from mmdgen.errors import NetworkError  # noqa: E402
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network, network_config  # noqa: E402

SEED = 7
PUBLISHED_NAME = {
    NetworkKind.FACE_MORPHER: "face_morpher",
    NetworkKind.FACE_ROTATOR: "face_rotator",
    NetworkKind.COMBINER: "combiner",
}
PARAMETER_COUNT = {
    NetworkKind.FACE_MORPHER: 33_878_720,
    NetworkKind.FACE_ROTATOR: 33_884_992,
    NetworkKind.COMBINER: 34_960_704,
}


def state_by_formula(names: list[tuple[str, list[int]]], seed: int) -> dict[str, Any]:
    """The reference's weights; see the README beside it."""
    state = {}
    for name, shape in names:
        noise = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()) + seed)).standard_normal(shape)
        noise = noise.astype(np.float32)
        if len(shape) == 4:
            noise *= np.float32(np.sqrt(2.0 / (shape[1] * shape[2] * shape[3])))
        elif name.endswith("weight"):
            noise = 1 + np.float32(0.1) * noise
        else:
            noise *= np.float32(0.1)
        state[name] = torch.from_numpy(noise)
    return state


def inputs_by_formula(kind: NetworkKind, seed: int) -> list[Any]:
    def uniform(low: float, shape: tuple[int, ...], at: int) -> Any:
        values = np.random.Generator(np.random.PCG64(seed + at)).uniform(low, 1, shape)
        return torch.from_numpy(values.astype(np.float32))

    count = 2 if kind is NetworkKind.COMBINER else 1
    images = [uniform(-1, (1, 4, 256, 256), 1000 + number) for number in range(count)]
    return [*images, uniform(0, (1, 3), 2000)]


@pytest.fixture(scope="module")
def published(shared_dir: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(
        (shared_dir / "networks/tha1_state_dicts.json").read_text(encoding="utf-8")
    )
    return facts


@pytest.mark.parametrize("kind", NetworkKind)
def test_names_and_shapes_are_the_published_ones(kind: NetworkKind, published: dict[str, Any]) -> None:
    with torch.device("meta"):
        state = build_network(network_config(kind)).state_dict()
    assert [[name, list(value.shape)] for name, value in state.items()] == published[PUBLISHED_NAME[kind]]
    assert sum(value.numel() for value in state.values()) == PARAMETER_COUNT[kind]


@pytest.mark.parametrize("kind", NetworkKind)
def test_outputs_are_the_published_definitions(
    kind: NetworkKind, shared_dir: Path, published: dict[str, Any]
) -> None:
    reference = np.load(shared_dir / "networks/tha1_networks.npz")
    name = PUBLISHED_NAME[kind]
    with torch.device("meta"):
        network = build_network(network_config(kind))
    network.load_state_dict(state_by_formula(published[name], SEED), assign=True)
    with torch.inference_mode():
        outputs = network.eval()(*inputs_by_formula(kind, SEED))
    assert len(outputs) == sum(f"{name}/{index}" in reference for index in range(9))
    for index, output in enumerate(outputs):
        values = output[0].numpy()
        is_flow = values.shape[-1] == 2
        sampled = values[8::16, 8::16] if is_flow else values[:, 8::16, 8::16]
        np.testing.assert_allclose(sampled, reference[f"{name}/{index}"], atol=1e-4, rtol=0)
        np.testing.assert_allclose(
            [values.mean(), values.std()], reference[f"{name}/{index}/mean_std"], atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("kind", NetworkKind)
@pytest.mark.parametrize(("width", "size_px"), [(4, 16), (6, 40)])
def test_any_width_and_size_gives_pictures_of_that_size(kind: NetworkKind, width: int, size_px: int) -> None:
    network = build_network(NetworkConfig(kind, width, size_px))
    image = torch.rand(2, 4, size_px, size_px)
    images = [image, image] if kind is NetworkKind.COMBINER else [image]
    outputs = network(*images, torch.zeros(2, 3))
    for name, output in outputs._asdict().items():
        expected = (2, size_px, size_px, 2) if name.startswith("flow") else (2, 4, size_px, size_px)
        assert output.shape == expected


def test_no_flow_moves_nothing() -> None:
    network = build_network(NetworkConfig(NetworkKind.FACE_ROTATOR, 2, 16))
    torch.nn.init.zeros_(network.zhou_grid_change.weight)
    image = torch.rand(1, 4, 16, 16)
    torch.testing.assert_close(network(image, torch.zeros(1, 3)).zhou, image)


def test_a_flow_of_one_pixel_takes_the_pixel_to_the_right() -> None:
    network = build_network(NetworkConfig(NetworkKind.FACE_ROTATOR, 2, 16))
    image = torch.rand(1, 4, 16, 16)
    offset = torch.zeros(1, 2, 16, 16)
    offset[:, 0] = 2 / 15  # a picture is 2 wide from the first column's centre to the last one's
    network.zhou_grid_change = _Constant(offset)
    moved = network(image, torch.zeros(1, 3)).zhou
    torch.testing.assert_close(moved[..., :-1], image[..., 1:], atol=1e-5, rtol=0)


class _Constant(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def forward(self, _: Any) -> Any:
        return self.value


@pytest.mark.parametrize(
    ("width", "size_px", "sentence"),
    [(0, 64, "at least 1"), (8, 100, "multiple of 8"), (8, 8, "at least 16")],
)
def test_an_impossible_network_is_refused(width: int, size_px: int, sentence: str) -> None:
    with pytest.raises(NetworkError, match=sentence):
        NetworkConfig(NetworkKind.COMBINER, width, size_px)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(NetworkError, match="known are tha1, small, tiny"):
        network_config("combiner", "huge")
