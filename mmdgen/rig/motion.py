"""Poses of a model from motion and pose files: names to indices, and curves between key frames.

Sources: MMD's curves are cubic Bezier curves per channel (x, y, z, rotation), rotations take the shortest
arc (slerp), morph weights are linear. Before the first key and after the last the nearest key holds.
MMD: a file's rotation of a bone with a fixed axis keeps only its turn about that axis.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmdgen.model import BoneFlag, Bools, Floats, Model
from mmdgen.motion import BoneTrack, Motion, NamedPose, motion_name
from mmdgen.pose import Pose
from mmdgen.rig.transforms import Reals, slerp, twists_about

log = logging.getLogger(__name__)

Value = TypeVar("Value")
_BISECTIONS = 30  # a curve's time to a billionth


def pose_from_motion(model: Model, motion: Motion, frames: ArrayLike) -> Pose:
    """The pose that a motion gives a model at some frames (30 a second, fractions allowed).

    Bones and morphs that the model does not have are left out. Switched IK is not part of a pose: pass
    `ik_from_motion` to `Rig.pose` too.

    Args:
        model: the model.
        motion: from `mmdgen.formats.read_vmd`.
        frames: one frame or an array of them; its axes become the batch axes of the pose.
    """
    at = np.asarray(frames, np.float64)
    pose = Pose.rest(model, at.shape)
    bones, morphs = _named(model.bones.names, motion.bones), _named(model.morphs.names, motion.morphs)
    if not bones and not morphs:
        log.warning("%s: moves no bone or morph of %s", motion.source, model.source)
    if bones:
        tracks = [
            replace(track, rotations=_about_fixed_axis(model, bone, track.rotations))
            for bone, track in bones.items()
        ]
        translations, rotations = sample_bones(tracks, at)
        pose.bone_translations[..., list(bones), :] = translations
        pose.bone_rotations[..., list(bones), :] = rotations
    for morph, weights in morphs.items():
        pose.morph_weights[..., morph] = np.interp(at, weights.frames, weights.weights)
    return pose


def ik_from_motion(model: Model, motion: Motion, frame: float) -> Bools:
    """Which bones' IK a motion leaves on at a frame, (bones,), for `Rig.pose(pose, ik=...)`."""
    is_on = np.ones(len(model.bones), np.bool_)
    for bone, track in _named(model.bones.names, motion.ik_switches).items():
        key = int(np.searchsorted(track.frames, frame, side="right")) - 1
        is_on[bone] = track.is_on[max(key, 0)]
    return is_on


def pose_from_named(model: Model, named: NamedPose) -> Pose:
    """The pose that a VPD file gives a model; what the model does not have is left out."""
    pose = Pose.rest(model)
    bones, morphs = _named(model.bones.names, named.rotations), _named(model.morphs.names, named.weights)
    if not bones and not morphs:
        log.warning("%s: moves no bone or morph of %s", named.source, model.source)
    for bone, rotation in bones.items():
        pose.bone_rotations[bone] = _about_fixed_axis(model, bone, rotation)
    for bone, translation in _named(model.bones.names, named.translations).items():
        pose.bone_translations[bone] = translation
    for morph, weight in morphs.items():
        pose.morph_weights[morph] = weight
    return pose


def sample_bones(tracks: Sequence[BoneTrack], frames: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Translations (..., bones, 3) and rotations (..., bones, 4) of some bones at some frames (...)."""
    befores, afters = zip(*(_keys_around(track, frames) for track in tracks), strict=True)

    def stacked(name: str, keys: Iterable[NDArray[np.intp]]) -> NDArray[np.float64]:
        """One column of the key before or after each frame, (..., bones, ...)."""
        rows = [getattr(track, name)[key] for track, key in zip(tracks, keys, strict=True)]
        return np.stack(rows, axis=frames.ndim).astype(np.float64)

    start, end = stacked("frames", befores), stacked("frames", afters)
    passed = np.clip((frames[..., None] - start) / np.maximum(end - start, 1), 0.0, 1.0)
    progress = ease(stacked("curves", afters), passed[..., None])
    moved = stacked("translations", befores)
    translations = moved + (stacked("translations", afters) - moved) * progress[..., :3]
    rotations = slerp(stacked("rotations", befores), stacked("rotations", afters), progress[..., 3])
    return translations.astype(np.float32), rotations.astype(np.float32)


def _keys_around(track: BoneTrack, frames: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The keys at or before and after each frame; the same one outside the track."""
    after = np.searchsorted(track.frames, frames, side="right")
    last = len(track.frames) - 1
    return np.clip(after - 1, 0, last), np.clip(after, 0, last)


def ease(curves: Reals, passed: Reals) -> NDArray[np.float64]:
    """Progress y in 0..1 of Bezier curves at time x = `passed` in 0..1.

    Args:
        curves: (..., 4) inner control points x1, y1, x2, y2 in 0..1, so that x never runs backwards.
        passed: broadcasts with the leading axes.
    """
    x1, y1, x2, y2 = (curves[..., i].astype(np.float64) for i in range(4))
    low = np.zeros(np.broadcast_shapes(x1.shape, np.shape(passed)))
    high = np.ones_like(low)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_late = _bezier(x1, x2, middle) > passed
        low, high = np.where(is_late, low, middle), np.where(is_late, middle, high)
    eased = _bezier(y1, y2, (low + high) / 2)
    is_straight = (x1 == y1) & (x2 == y2)
    return np.where(is_straight, passed, eased)


def _bezier(first: Reals, second: Reals, t: Reals) -> Reals:
    rest = 1.0 - t
    return 3.0 * rest * rest * t * first + 3.0 * rest * t * t * second + t * t * t


def _about_fixed_axis(model: Model, bone: int, rotations: Floats) -> Floats:
    """Rotations (..., 4) of a bone as MMD takes them from a file."""
    axis = model.bones.fixed_axes[bone].astype(np.float64)
    length = np.linalg.norm(axis)
    if not model.bones.flags[bone] & BoneFlag.FIXED_AXIS or not length > 0:
        return rotations
    return twists_about(rotations.astype(np.float64), axis / length).astype(np.float32)


def _named(names: Iterable[str], values: Mapping[bytes, Value]) -> dict[int, Value]:
    """What is said of each bone or morph that a model has; of equal names the first bone is meant.

    MMD: names are compared as the motion file cuts them.
    """
    found: dict[int, Value] = {}
    met: set[bytes] = set()
    for index, name in enumerate(names):
        key = motion_name(name)
        if key in values and key not in met:
            found[index] = values[key]
            met.add(key)
    return found
