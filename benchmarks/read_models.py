"""How fast model files are read, beside other readers in the same run.

    python benchmarks/read_models.py [MODEL...] [--repeats 20] [--node-modules DIR]

Peers are measured where they are there: pymeshio (`pip install pymeshio`, the one whole PMX reader that pip
finds) and Node's mmd-parser (`npm install mmd-parser` in DIR). Everything is CPU time of one thread, the best
of the repeats, bytes already in memory. Without MODEL two generated models are read: a character's size with
180 vertex morphs, and a million vertices of all weight types in random order, which is the worst case for a
reader that works run by run. Targets: 1.5 million vertices per CPU second, a character in under 20 ms.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mmdgen.formats import read_model_bytes, write_pmx
from mmdgen.model import NO_INDEX, Model, Skinning, VertexTable
from tests.builders import bone, build_model, vertex_morph

TARGET_VERTICES_PER_SECOND = 1.5e6
BONES = 220
BONES_OF = {0: 1, 1: 2, 2: 4, 3: 2, 4: 4}
PARSE_IN_NODE = """
const { Parser } = require('mmd-parser');
const bytes = require('fs').readFileSync(process.argv[1]);
const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
let best = Infinity;
for (let turn = 0; turn < Number(process.argv[2]); turn++) {
  const before = process.cpuUsage();
  new Parser().parsePmx(data, true);
  const used = process.cpuUsage(before);
  best = Math.min(best, (used.user + used.system) / 1e6);
}
console.log(best);
"""


def generated_model(vertices: int, morphs: int, shares: dict[Skinning, float]) -> Model:
    """A model with weight types in random order."""
    rng = np.random.default_rng(0)
    kinds = rng.choice([int(kind) for kind in shares], vertices, p=list(shares.values())).astype(np.uint8)
    used = np.arange(4) < np.array([BONES_OF[int(kind)] for kind in Skinning])[kinds][:, None]
    weights = np.where(used, 0.25, 0.0).astype(np.float32)
    weights[kinds == Skinning.BDEF1, 0] = 1.0
    two = (kinds == Skinning.BDEF2) | (kinds == Skinning.SDEF)
    weights[two, 1] = 0.75
    sdef = np.flatnonzero(kinds == Skinning.SDEF).astype(np.int32)
    vectors = rng.standard_normal((vertices, 3)).astype(np.float32)
    table = VertexTable(
        positions=vectors,
        normals=vectors,
        uvs=vectors[:, :2].copy(),
        additional_uvs=np.zeros((vertices, 0, 4), np.float32),
        skinning=kinds,
        bone_indices=np.where(used, rng.integers(0, BONES, (vertices, 4)), NO_INDEX).astype(np.int32),
        bone_weights=weights,
        sdef_vertices=sdef,
        sdef_c=vectors[sdef],
        sdef_r0=vectors[sdef],
        sdef_r1=vectors[sdef],
        edge_scales=np.ones(vertices, np.float32),
    )
    moved = rng.integers(0, vertices, (morphs, 500))
    base = build_model(
        bones=[bone(f"bone {row}", parent=row - 1) for row in range(BONES)],
        morphs=[
            vertex_morph(f"morph {row}", dict.fromkeys(moved[row].tolist(), (0, 0.1, 0)))
            for row in range(morphs)
        ],
    )
    faces = rng.integers(0, vertices, (vertices * 5 // 3, 3)).astype(np.int32)
    counts = np.array([faces.size], np.int32)
    materials = replace(base.materials, face_index_counts=counts)
    return replace(base, version=2.0, vertices=table, faces=faces, materials=materials)


def best_cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """The least CPU time that `work` took."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def pymeshio_seconds(data: bytes, repeats: int) -> float | None:
    """CPU seconds of pymeshio, None where it is not installed or refuses the file."""
    if importlib.util.find_spec("pymeshio") is None:
        return None
    import pymeshio.common  # type: ignore[import-not-found]
    import pymeshio.pmx.reader as reader  # type: ignore[import-not-found]

    try:
        return best_cpu_seconds(lambda: reader.read(io.BytesIO(data)), repeats)
    except pymeshio.common.ParseException:
        return None


def node_seconds(data: bytes, repeats: int, node_modules: Path | None) -> float | None:
    """CPU seconds of mmd-parser in Node, None where it is not there or refuses the file."""
    if node_modules is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pmx"
        path.write_bytes(data)
        done = subprocess.run(
            ["node", "-e", PARSE_IN_NODE, str(path), str(repeats)],
            cwd=node_modules,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(f"mmd-parser: {done.stderr.strip().splitlines()[-3:]}", file=sys.stderr)
        return None
    return float(done.stdout)


def measure(name: str, data: bytes, repeats: int, node_modules: Path | None) -> dict[str, object]:
    """All readers on one file."""
    vertices = len(read_model_bytes(data, source=name).vertices)
    own = best_cpu_seconds(lambda: read_model_bytes(data, source=name), repeats)
    row: dict[str, object] = {
        "model": name,
        "vertices": vertices,
        "megabytes": round(len(data) / 1e6, 1),
        "cpu_ms": round(own * 1e3, 1),
        "vertices_per_cpu_second": round(vertices / own),
    }
    if not data.startswith(b"PMX "):
        return row  # the peers' functions called here read PMX
    peers = {
        "pymeshio": pymeshio_seconds(data, max(repeats // 10, 1)),
        "mmd-parser (Node)": node_seconds(data, max(repeats // 2, 3), node_modules),
    }
    for peer, seconds in peers.items():
        if seconds is not None:
            row[f"{peer}: cpu_ms"] = round(seconds * 1e3, 1)
            row[f"{peer}: times as long"] = round(seconds / own, 1)
    return row


def main() -> None:
    """Print one JSON object for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--node-modules", type=Path, help="folder in which `npm install mmd-parser` was run")
    options = parser.parse_args()
    files = {path.name: path.read_bytes() for path in options.models}
    if not files:
        usual = {Skinning.BDEF1: 0.5, Skinning.BDEF2: 0.35, Skinning.BDEF4: 0.15}
        every = dict.fromkeys(Skinning, 0.2)
        files = {
            "generated character": write_pmx(generated_model(28_000, 180, usual)),
            "a million vertices": write_pmx(generated_model(1_000_000, 0, every)),
        }
    rows = [measure(name, data, options.repeats, options.node_modules) for name, data in files.items()]
    print(json.dumps(rows, indent=1, ensure_ascii=False))
    slow = [row["model"] for row in rows if row["vertices_per_cpu_second"] < TARGET_VERTICES_PER_SECOND]  # type: ignore[operator]
    print(f"below {TARGET_VERTICES_PER_SECOND:,.0f} vertices per CPU second: {slow or 'none'}")


if __name__ == "__main__":
    main()
