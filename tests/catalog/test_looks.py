"""Pictures that are nearly the same have nearly the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from mmdgen.catalog.looks import SAME_CHARACTER, WORDS, Look, look_bits, near_pairs, near_rows
from mmdgen.images import linear_from_srgb, srgb_from_linear
from mmdgen.scene import Framing


def portrait(seed: int, size: int = 128) -> np.ndarray:
    """Large blocks of colour before nothing, as hair, face and clothes are."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (16, 16, 4)).astype(np.uint8)
    blocks[..., 3] = np.where(rng.random((16, 16)) < 0.3, 0, 255)
    return np.kron(blocks, np.ones((size // 16, size // 16, 1), np.uint8))


def bits(image: np.ndarray, **options: object) -> np.ndarray:
    return look_bits(image, **{"premultiplied": False, **options})  # type: ignore[arg-type]


def distance(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.bitwise_count(one ^ other).sum())


def test_the_same_picture_at_another_size_has_the_same_bits() -> None:
    assert distance(bits(portrait(1, 128)), bits(portrait(1, 256))) == 0


def test_a_little_noise_and_another_brightness_change_few_bits() -> None:
    image = portrait(2)
    noisy = np.clip(image.astype(int) + np.random.default_rng(0).integers(-3, 4, image.shape), 0, 255)
    noisy[..., 3] = image[..., 3]
    darker = image.copy()
    darker[..., :3] = image[..., :3] * 0.9
    assert distance(bits(image), bits(noisy.astype(np.uint8))) <= SAME_CHARACTER
    assert distance(bits(image), bits(darker)) <= 3 * SAME_CHARACTER


def test_other_pictures_have_other_bits() -> None:
    rows = [bits(portrait(seed)) for seed in range(20)]
    assert min(distance(a, b) for n, a in enumerate(rows) for b in rows[:n]) > 5 * SAME_CHARACTER


def test_how_alpha_is_stored_does_not_matter() -> None:
    image = portrait(3)
    image[:64, :, 3] = np.where(image[:64, :, 3] > 0, 128, 0)
    stored = image.copy()
    alpha = image[..., 3:] / 255
    stored[..., :3] = np.round(255 * srgb_from_linear(alpha * linear_from_srgb(image[..., :3] / 255)))
    assert distance(bits(image), bits(stored, premultiplied=True)) <= 2


def test_another_frame_shows_the_same_head() -> None:
    """512 pixels with the head 128 high at (256, 128): the article's 256 are a window of it."""
    small = portrait(4, 256)
    wide = np.zeros((512, 512, 4), np.uint8)
    wide[0:256, 128:384] = small
    framing = Framing(512, 128.0, (256.0, 128.0))
    assert distance(bits(small), bits(wide, framing=framing)) == 0


@pytest.mark.parametrize("count", [0, 1, 700])
def test_every_near_pair_is_found_once(count: int) -> None:
    rng = np.random.default_rng(count)
    rows = rng.integers(0, 2**63, (count, WORDS)).astype(np.uint64)
    rows[count // 2 :] = rows[: count - count // 2]  # pairs
    rows[count // 2 :, 0] ^= np.uint64(0b10101)
    expected = {
        (a, b)
        for a in range(count)
        for b in np.flatnonzero(np.bitwise_count(rows[a] ^ rows).sum(axis=1) <= 3).tolist()
        if a < b
    }
    found = list(near_rows(rows, 3))
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert len(expected) >= count // 2


def test_a_model_that_could_not_be_drawn_is_like_no_other() -> None:
    look = bits(portrait(5)).tobytes().hex()
    looks = [Look("a", "", look), Look("b", "", ""), Look("c", "", look), Look("d", "", "")]
    assert list(near_pairs(looks)) == [(0, 2)]
