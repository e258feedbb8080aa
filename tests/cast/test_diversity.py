"""No two characters look alike: perceptual hashes of two hundred portraits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdgen.cast import draw_traits, make_character
from mmdgen.cast.traits import BACK_HAIRS, FRINGES, HEADGEAR, OUTFITS
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.rig import build_rig
from mmdgen.scene import Framing, View, frame_head

COUNT = 200
NEAR_DUPLICATE_BITS = 10  # of 192; two exposures of one picture differ by fewer


def perceptual_hash(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """64 bits for luminance and for each of two colour differences: signs of low cosine frequencies.

    The picture's 128 x 128 pixels are averaged to 32 x 32; bits compare with the median, as pHash does.
    """
    alpha = picture[..., 3:] / 255.0
    color = picture[..., :3] / 255.0 + (1.0 - alpha)
    small = color.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    opponents = np.stack([small.mean(-1), small[..., 0] - small[..., 1], small[..., 1] - small[..., 2]])
    k, n = np.arange(8)[:, None], np.arange(32)[None]
    basis = np.cos(np.pi * k * (2 * n + 1) / 64)
    low = basis @ opponents @ basis.T
    flat = low.reshape(3, 64)
    return (flat > np.median(flat, axis=1, keepdims=True)).reshape(-1)


def portrait(renderer: Renderer, seed: int) -> NDArray[np.uint8]:
    character = make_character(seed)
    model, head = character.model, character.annotation.head
    rig = build_rig(model)
    loaded = renderer.load(rig, {i: character.textures[name] for i, name in enumerate(model.textures)})
    camera = frame_head(head.bottom, head.top, head.center_x, framing=Framing(128, 64.0, (64.0, 64.0)))
    posed = rig.pose(Pose.rest(model, (1,)))
    return renderer.render(loaded, posed, View(camera, size_px=128, samples_per_axis=1))[0]


@pytest.mark.slow
def test_no_two_of_two_hundred_look_alike(renderer: Renderer) -> None:
    hashes = np.stack([perceptual_hash(portrait(renderer, seed)) for seed in range(COUNT)])
    distances = (hashes[:, None] != hashes[None]).sum(axis=-1)[np.triu_indices(COUNT, 1)]
    print(f"bits of 192: least {distances.min()}, median {np.median(distances):g}")
    assert distances.min() > NEAR_DUPLICATE_BITS


def test_every_kind_of_hair_outfit_and_headgear_is_drawn() -> None:
    drawn = [draw_traits(seed) for seed in range(300)]
    assert {traits.hair.fringe for traits in drawn} == set(FRINGES)
    assert {traits.hair.back for traits in drawn} == set(BACK_HAIRS)
    assert {traits.outfit.kind for traits in drawn} == set(OUTFITS)
    assert {traits.extras.headgear for traits in drawn} == set(HEADGEAR)
    assert any(traits.eyes.left != traits.eyes.right for traits in drawn)


def test_hats_do_not_sit_on_buns() -> None:
    for traits in map(draw_traits, range(300)):
        if traits.extras.headgear in ("beret", "cap", "witch_hat"):
            assert traits.hair.back not in ("buns", "twin_tails", "side_tail")
            assert traits.hair.ahoge == 0
