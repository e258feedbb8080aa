"""A checkpoint gives its network back, and what is none is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")

from mmdgen.errors import NetworkError  # noqa: E402
from mmdgen.train.checkpoints import (  # noqa: E402
    Checkpoint,
    load_network,
    network_from_state,
    read_checkpoint,
    write_checkpoint,
)
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network  # noqa: E402

TINY = {kind: NetworkConfig(kind, 2, 16) for kind in NetworkKind}


def written(folder: Path, kind: NetworkKind = NetworkKind.FACE_MORPHER) -> Path:
    """A run's folder with a checkpoint."""
    folder.mkdir(exist_ok=True)
    network = build_network(TINY[kind])
    checkpoint = Checkpoint(TINY[kind], network.state_dict(), 12, {"optimizer": {}})
    write_checkpoint(folder / "checkpoint.pt", checkpoint)
    return folder


@pytest.mark.parametrize("kind", NetworkKind)
def test_a_runs_folder_gives_the_network_that_was_written(kind: NetworkKind, tmp_path: Path) -> None:
    loaded = load_network(written(tmp_path, kind), kind=kind)
    assert loaded.config == TINY[kind]
    assert loaded.images_seen == 12
    assert loaded.path == tmp_path / "checkpoint.pt"
    assert not loaded.network.training
    state = read_checkpoint(tmp_path).state
    for name, value in loaded.network.state_dict().items():
        assert torch.equal(value, state[name])


@pytest.mark.parametrize("kind", NetworkKind)
def test_a_plain_state_dict_tells_its_kind_and_width(kind: NetworkKind, tmp_path: Path) -> None:
    torch.save(build_network(TINY[kind]).state_dict(), tmp_path / "published.pt")
    loaded = load_network(tmp_path / "published.pt", size_px=64)
    assert loaded.config == NetworkConfig(kind, 2, 64)
    assert loaded.images_seen is None


def test_a_loaded_network_can_be_trained() -> None:
    config = TINY[NetworkKind.FACE_MORPHER]
    state = build_network(config).state_dict()
    network = network_from_state(config, state, source="here")
    network(torch.rand(1, 4, 16, 16), torch.rand(1, 3)).image.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"checkpoint\.pt: holds a face-morpher, not a combiner"):
        load_network(written(tmp_path), kind="combiner")


def test_another_width_is_refused(tmp_path: Path) -> None:
    state = build_network(TINY[NetworkKind.COMBINER]).state_dict()
    with pytest.raises(NetworkError, match=r"here: parameter .* has shape .* a combiner \(width 4, 16 px\)"):
        network_from_state(NetworkConfig(NetworkKind.COMBINER, 4, 16), state, source="here")


def test_a_missing_parameter_is_named() -> None:
    state = build_network(TINY[NetworkKind.COMBINER]).state_dict()
    del state["retouch_alpha_mask.0.weight"]
    with pytest.raises(NetworkError, match=r"retouch_alpha_mask\.0\.weight is missing"):
        network_from_state(TINY[NetworkKind.COMBINER], state, source="here")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"nothing\.pt: no such file; train a network first"):
        load_network(tmp_path / "nothing.pt")


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_a_damaged_file_is_said(damage: str, tmp_path: Path) -> None:
    file = written(tmp_path) / "checkpoint.pt"
    whole = file.read_bytes()
    file.write_bytes({"empty": b"", "text": b"no checkpoint", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(NetworkError, match=r"is no checkpoint or is damaged; name another file") as caught:
        load_network(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert "weights_only" not in str(caught.value)  # torch's advice is for programmers


def test_what_is_no_network_is_said(tmp_path: Path) -> None:
    torch.save({"some": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(NetworkError, match=r"other\.pt: holds no network of THA1"):
        load_network(tmp_path / "other.pt")


def test_a_checkpoint_from_the_future_is_said(tmp_path: Path) -> None:
    torch.save({"format": "mmdgen-checkpoint", "format_version": 99}, tmp_path / "new.pt")
    with pytest.raises(NetworkError, match="format version 99"):
        load_network(tmp_path / "new.pt")
