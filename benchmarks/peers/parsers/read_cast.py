"""Built-in characters read by other people's parsers: pymeshio, mmd-parser and babylon-mmd.

    python benchmarks/peers/parsers/read_cast.py [--count 12] [--seed 0] [--pymeshio PYTHON]

Writes tidy and wild characters, has each parser read them, and fails when one refuses a file, warns, or
counts other vertices, triangles, materials, bones or morphs than mmdgen wrote. The two JavaScript parsers
come from npm on the first run, as package-lock.json pins them; pymeshio is used where the Python that
--pymeshio names has it (pip install pymeshio).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mmdgen.cast import make_character, write_character
from mmdgen.model import Model

HERE = Path(__file__).resolve().parent
PYMESHIO = """
import json, sys, warnings
import pymeshio.pmx.reader as reader
for path in sys.argv[1:]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = reader.read_from_file(path)
    counts = [len(model.vertices), len(model.indices) // 3]
    counts += [len(model.materials), len(model.bones), len(model.morphs)]
    own = [str(w.message) for w in caught if "pymeshio" not in w.filename]
    print(json.dumps({"path": path, "reader": "pymeshio", "counts": counts, "warnings": own}))
"""


def counts(model: Model) -> list[int]:
    """What every reader has to find."""
    tables = (model.vertices, model.faces, model.materials, model.bones, model.morphs)
    return [len(table) for table in tables]


def lines(command: list[str]) -> list[dict[str, object]]:
    """The JSON lines that a reader prints."""
    done = subprocess.run(command, cwd=HERE, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=12, help="characters of each kind")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    parser.add_argument("--pymeshio", default=sys.executable, help="a Python that has pymeshio")
    options = parser.parse_args()
    if not (HERE / "node_modules").is_dir():
        if shutil.which("npm") is None:
            raise SystemExit("npm is missing: apt-get install npm")
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    with tempfile.TemporaryDirectory() as folder:
        written = {}
        for seed in range(options.seed, options.seed + options.count):
            for wild in (False, True):
                character = make_character(seed, wild=wild)
                path = write_character(character, Path(folder))
                written[str(path)] = counts(character.model)
        read = lines(["node", "read.mjs", *written])
        if subprocess.run([options.pymeshio, "-c", "import pymeshio"], capture_output=True).returncode == 0:
            read += lines([options.pymeshio, "-c", PYMESHIO, *written])
        else:
            print(f"{options.pymeshio} has no pymeshio: left out", file=sys.stderr)
    bad = [line for line in read if line["warnings"] or line["counts"] != written[str(line["path"])]]
    for line in bad:
        print(f"{line['reader']}: {line['path']}: {line['counts']}, warnings {line['warnings']}")
    readers = sorted({str(line["reader"]) for line in read})
    print(
        f"{len(written)} characters read by {', '.join(readers)}: {len(bad)} with a warning or other counts"
    )
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
