"""Whether a process that draws many models one after the other grows.

    python benchmarks/render_memory.py --models FILE_OR_DIR ... [--loads 1000] [--samples 2]

Loads and draws the models in turn, each with its own textures, and prints the process's memory as it goes.
The models differ in size, so memory goes up and down with them; it must not go up over all. Linux only.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.render_pictures import benchmark_config, make_pictures, model_sources
from mmdgen.render import Renderer, RenderSettings


def resident_mib() -> float:
    """Memory of this process that is in RAM."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", type=Path, nargs="+", required=True, help="model files, or folders of them"
    )
    parser.add_argument("--loads", type=int, default=1000, help="how many models, in turn")
    parser.add_argument("--samples", type=int, default=2, help="of each, two pictures each")
    options = parser.parse_args()
    logging.getLogger("mmdgen").setLevel(logging.ERROR)
    sources = model_sources(options.models)
    if not sources:
        sys.exit("no usable model")
    config = benchmark_config(16)
    with Renderer(RenderSettings(software_threads=0)) as renderer:
        for count, source in enumerate(itertools.islice(itertools.cycle(sources), options.loads), start=1):
            make_pictures(renderer, source, config, options.samples)
            if count == 10 or count % (options.loads // 10 or 1) == 0:
                print(f"{count:6,} models  {resident_mib():7.1f} MiB", flush=True)


if __name__ == "__main__":
    main()
