"""Which rows a set of networks gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdgen.errors import MmdgenError
from mmdgen.evaluate.lineup import Contestant, make_lineup
from mmdgen.train.networks import NetworkConfig, NetworkKind

MORPHER, ROTATOR, COMBINER = NetworkKind.FACE_MORPHER, NetworkKind.FACE_ROTATOR, NetworkKind.COMBINER


def contestant(kind: NetworkKind, label: str, weights: str = "w", **more: object) -> Contestant:
    size = more.pop("size_px", 64)
    return Contestant(
        config=NetworkConfig(kind, 8, size),  # type: ignore[arg-type]
        network=None,
        label=label,
        path=Path(f"{kind}-{label}"),
        images_seen=None,
        weights_sha256=weights,
        **more,  # type: ignore[arg-type]
    )


def test_the_articles_eight_configurations_follow_from_six_networks() -> None:
    rotators = [contestant(ROTATOR, "L1", "r1"), contestant(ROTATOR, "P", "r2")]
    combiners = [
        contestant(COMBINER, label, f"c{number}", rotator_sha256=owner)
        for number, (label, owner) in enumerate([("L1", "r1"), ("P", "r1"), ("L1", "r2"), ("P", "r2")])
    ]
    pathways = make_lineup([*combiners, *rotators]).pathways()
    assert pathways == {
        "FU-L1-L1": ("PU-L1", "ZH-L1"),
        "FU-L1-P": ("PU-L1", "ZH-L1"),
        "FU-P-L1": ("PU-P", "ZH-P"),
        "FU-P-P": ("PU-P", "ZH-P"),
    }


def test_a_combiner_of_unknown_descent_belongs_to_the_only_rotator() -> None:
    lineup = make_lineup([contestant(ROTATOR, ""), contestant(COMBINER, "")])
    assert list(lineup.pathways()) == ["FU"]


def test_networks_of_one_label_are_numbered() -> None:
    lineup = make_lineup([contestant(MORPHER, "L1"), contestant(MORPHER, "L1"), contestant(MORPHER, "P")])
    assert [one.label for one in lineup.morphers] == ["L1#1", "L1#2", "P"]


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ([contestant(COMBINER, "L1")], "needs its face rotator"),
        (
            [contestant(ROTATOR, "L1", "a"), contestant(COMBINER, "L1", rotator_sha256="b")],
            "was trained on another face rotator",
        ),
        (
            [contestant(ROTATOR, "L1", "a"), contestant(ROTATOR, "P", "b"), contestant(COMBINER, "L1")],
            "does not say which of the 2 face rotators",
        ),
        (
            [contestant(MORPHER, "L1", size_px=64), contestant(ROTATOR, "L1", size_px=128)],
            "evaluate networks of one size at a time",
        ),
    ],
)
def test_networks_that_do_not_belong_together_are_named(networks: list[Contestant], sentence: str) -> None:
    with pytest.raises(MmdgenError, match=sentence):
        make_lineup(networks)
