"""Where the numbers of a PMD file lie: packed little-endian records without padding."""

from __future__ import annotations

import numpy as np

from mmdgen.formats.pmx_layout import JOINT_TAIL, RIGID_BODY_TAIL

VERTEX = np.dtype(
    [
        ("position", "<f4", 3),
        ("normal", "<f4", 3),
        ("uv", "<f4", 2),
        ("bones", "<u2", 2),
        ("weight", "u1"),  # of the first bone, in percent
        ("edge_off", "u1"),
    ]
)
FACE_INDEX = np.dtype("<u2")
MATERIAL = np.dtype(
    [
        ("diffuse", "<f4", 4),
        ("specular_power", "<f4"),
        ("specular", "<f4", 3),
        ("ambient", "<f4", 3),
        ("toon", "i1"),
        ("edge", "u1"),
        ("index_count", "<u4"),
        ("texture", "V20"),
    ]
)
BONE = np.dtype(
    [
        ("name", "V20"),
        ("parent", "<i2"),
        ("tail", "<i2"),
        ("kind", "u1"),
        ("ik", "<i2"),
        ("position", "<f4", 3),
    ]
)
IK_HEAD = np.dtype(
    [("bone", "<u2"), ("target", "<u2"), ("links", "u1"), ("loop_count", "<u2"), ("limit", "<f4")]
)
IK_LINK = np.dtype("<u2")
SKIN_HEAD = np.dtype([("name", "V20"), ("count", "<u4"), ("category", "u1")])
SKIN_ELEMENT = np.dtype([("index", "<u4"), ("offset", "<f4", 3)])
SKIN_NUMBER = np.dtype("<u2")
FRAME_NAME = np.dtype("V50")
FRAME_ENTRY = np.dtype([("bone", "<u2"), ("frame", "u1")])  # frames count from 1
NAME = np.dtype("V20")
COMMENT = np.dtype("V256")
TOON_NAME = np.dtype("V100")
RIGID_BODY = np.dtype([("name", "V20"), ("bone", "<i2"), ("tail", RIGID_BODY_TAIL)])
JOINT = np.dtype([("name", "V20"), ("rigid_bodies", "<i4", 2), ("tail", JOINT_TAIL)])
