"""Pictures of the same models under the same poses, drawn by three.js with its MMDLoader and by mmdgen.

    python benchmarks/peers/three/compare.py [--models FILE_OR_DIR ...] [--gl swiftshader|llvmpipe] [--json]

three.js 0.170 comes from npm on the first run and runs in headless Chromium, which the system must have
(apt-get install chromium npm). Both draw the rest picture and 64 x (expression + posed) of each model,
256 px, orthographic, 4 samples a pixel, with outlines, and read every picture back. mmdgen encodes PNG files
too. Costs are CPU milliseconds for each picture, user and system, of all Chromium processes or of mmdgen's;
"images/s" is by the clock: one browser, which may use all cores, and one process of mmdgen for each core.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.render_pictures import (
    Spent,
    benchmark_config,
    labels,
    make_pictures,
    model_sources,
    write_builtin,
)
from mmdgen.dataset.config import DatasetConfig
from mmdgen.formats import read_model, write_pmx
from mmdgen.formats.texture_paths import find_texture
from mmdgen.generate.compose import ModelSource, model_light, portrait_view
from mmdgen.images import write_png
from mmdgen.pose import Pose
from mmdgen.render import Renderer, RenderSettings
from mmdgen.sampling.binding import BoundModel, bind_annotation

HERE = Path(__file__).resolve().parent
GL_FLAGS = {
    "swiftshader": ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    "llvmpipe": ["--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist", "--in-process-gpu"],
}
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
]
CONTENT_TYPES = {".js": "text/javascript", ".html": "text/html; charset=utf-8"}
TARGET_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class Mark:
    """How much time Chromium had used at some moment."""

    cpu_s: float
    clock_s: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Costs of one model's pictures."""

    model: str
    pictures: int
    three_cpu_ms: float  # with loading
    three_draw_cpu_ms: float  # without
    three_images_per_second: float
    mmdgen_cpu_ms: float  # with loading and PNG
    mmdgen_images_per_second: float

    @property
    def cpu_ratio(self) -> float:
        return self.three_cpu_ms / self.mmdgen_cpu_ms

    @property
    def speed_ratio(self) -> float:
        return self.mmdgen_images_per_second / self.three_images_per_second


@dataclass
class Session:
    """What the page is asked to do, and what it has told."""

    jobs: list[dict[str, Any]]
    files: dict[str, bytes]  # models by URL
    folders: dict[str, Path]  # where a URL's textures lie
    pictures: Path | None  # where to write what was drawn
    browser: int = 0  # process group
    driver: str = ""
    error: str | None = None
    marks: dict[str, Mark] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)


def cpu_seconds(group: int) -> float:
    """User and system time of a process group and its ended children (Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # has just ended
        fields = text.rpartition(")")[2].split()
        if int(fields[2]) == group:
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


class Handler(BaseHTTPRequestHandler):
    """Serves the page, three.js and the models, and listens."""

    session: Session

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/jobs":
            return self._send(json.dumps(self.session.jobs).encode(), "application/json")
        if path in self.session.files:
            return self._send(self.session.files[path], "application/octet-stream")
        file = self._file(path)
        if file is None:
            return self.send_error(404)
        return self._send(file.read_bytes(), CONTENT_TYPES.get(file.suffix, "application/octet-stream"))

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = parse_qs(address.query).get("name", [""])[0]
        session = self.session
        if address.path == "/mark":
            session.marks[name] = Mark(cpu_seconds(session.browser), time.perf_counter())
        elif address.path == "/picture" and session.pictures is not None:
            side = int((len(body) / 4) ** 0.5)
            pixels = np.frombuffer(body, np.uint8).reshape(side, side, 4)[::-1]
            write_png(session.pictures / f"three-{name}.png", np.ascontiguousarray(pixels))
        elif address.path == "/driver":
            session.driver = body.decode()
        elif address.path == "/done":
            session.error = body.decode() or None
            session.done.set()
        self._send(b"", "text/plain")

    def _file(self, path: str) -> Path | None:
        if path.startswith("/three/"):
            file = HERE / "node_modules" / path.lstrip("/")
            return file if file.is_file() else None
        if path in ("/page.html", "/page.js"):
            return HERE / path[1:]
        for start, folder in self.session.folders.items():
            if path.startswith(start):
                return find_texture(folder, path.removeprefix(start))[0]
        return None

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):  # the browser may be gone once it is done
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def add_job(session: Session, source: ModelSource, config: DatasetConfig, samples: int) -> None:
    """Let three.js draw what `compose_samples` draws: the bound model, the same labels, the same camera."""
    name = f"m{len(session.jobs)}"
    bound = bind_annotation(read_model(source.path), source.annotation, config.space)
    camera = portrait_view(source.annotation, config, model_light(config, source.model_id)).camera
    vectors = labels(source, config, samples)
    expressions = config.space.expression_vector(vectors)
    in_order = np.stack([expressions, vectors], axis=1).reshape(2 * samples, -1)
    all_poses = bound.pose(np.concatenate([config.space.rest_vector()[None], in_order]))
    url = f"/models/{name}/"
    session.files[f"{url}model.pmx"] = write_pmx(bound.model)
    session.folders[url] = source.path.parent
    sides = {side: getattr(camera, side) for side in ("left", "right", "bottom", "top", "near", "far")}
    session.jobs.append(
        {
            "name": name,
            "url": f"{url}model.pmx",
            "size": config.size_px,
            "outline": config.outline_px > 0.0,
            "camera": sides,
            "poses": list(pose_documents(bound, all_poses)),
            "keep": [0, 2] if session.pictures else [],
        }
    )


def pose_documents(bound: BoundModel, poses: Pose) -> Iterator[dict[str, Any]]:
    """Weights of active morphs, and rotations of the bones that a label turns."""
    bones = (bound.bones.neck, bound.bones.head)
    for weights, rotations in zip(poses.morph_weights, poses.bone_rotations, strict=True):
        yield {
            "morphs": [[int(morph), float(weights[morph])] for morph in np.flatnonzero(weights)],
            "bones": [[int(bone), rotations[bone].tolist()] for bone in bones],
        }


@contextmanager
def browser(gl: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Chromium on a page, in a process group and with a profile of its own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        sys.exit("no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *CHROMIUM_FLAGS, *GL_FLAGS[gl], f"--user-data-dir={profile}", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, 15)
            process.wait(20)


def run_three(session: Session, gl: str, timeout_s: float) -> None:
    """Draw all jobs. Exits with a sentence if that fails."""
    handler = type("SessionHandler", (Handler,), {"session": session})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser(gl, f"http://127.0.0.1:{server.server_port}/page.html") as process:
        session.browser = process.pid
        if not session.done.wait(timeout_s):
            session.error = f"three.js was not done after {timeout_s:g} s"
    server.shutdown()
    if session.error:
        sys.exit(session.error)


def install_three() -> None:
    """Have npm fetch the locked three.js, once."""
    if not (HERE / "node_modules" / "three").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)


_renderer: Renderer | None = None  # of a worker process


def _make_pictures(source: ModelSource, config: DatasetConfig, samples: int) -> Spent:
    """In a worker: the pictures, drawn once to warm up where the worker is new."""
    global _renderer
    if _renderer is None:
        logging.getLogger("mmdgen").setLevel(logging.ERROR)
        _renderer = Renderer(RenderSettings(software_threads=0))
        make_pictures(_renderer, source, config, 2)
    return make_pictures(_renderer, source, config, samples)


def run_mmdgen(
    sources: Sequence[ModelSource], config: DatasetConfig, samples: int, workers: int
) -> list[list[Spent]]:
    """Every worker makes every model's pictures, all of them at the same time; by model."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawned) as pool:
        list(pool.map(_make_pictures, [sources[0]] * workers, [config] * workers, [2] * workers))
        return [
            list(pool.map(_make_pictures, [source] * workers, [config] * workers, [samples] * workers))
            for source in sources
        ]


def compare(
    sources: Sequence[ModelSource],
    config: DatasetConfig,
    samples: int,
    gl: str,
    timeout_s: float,
    workers: int,
    pictures: Path | None,
) -> tuple[list[Comparison], str]:
    """Measure both on each model; and the name of Chromium's driver."""
    session = Session([], {}, {}, pictures)
    for source in sources:
        add_job(session, source, config, samples)
    run_three(session, gl, timeout_s)
    ours = run_mmdgen(sources, config, samples, workers)
    comparisons = []
    for source, job, spent in zip(sources, session.jobs, ours, strict=True):
        begin, draw, end = (session.marks[f"{job['name']}/{step}"] for step in ("load", "draw", "end"))
        count = len(job["poses"])
        comparisons.append(
            Comparison(
                model=source.path.name,
                pictures=count,
                three_cpu_ms=1e3 * (end.cpu_s - begin.cpu_s) / count,
                three_draw_cpu_ms=1e3 * (end.cpu_s - draw.cpu_s) / count,
                three_images_per_second=count / (end.clock_s - begin.clock_s),
                mmdgen_cpu_ms=sum(one.cpu_ms for one in spent) / workers,
                mmdgen_images_per_second=sum(one.pictures / one.seconds for one in spent),
            )
        )
    return comparisons, session.driver


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, nargs="+", help="model files, or folders of them")
    parser.add_argument(
        "--builtin", type=int, default=3, help="how many built-in characters without --models"
    )
    parser.add_argument("--poses", type=int, default=64, help="samples of each model, two pictures each")
    parser.add_argument("--gl", choices=sorted(GL_FLAGS), default="llvmpipe", help="Chromium's driver")
    parser.add_argument("--no-outline", action="store_true", help="draw no outlines, neither of both")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds that three.js may take")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes of mmdgen")
    parser.add_argument("--pictures", type=Path, help="a folder for two pictures of each model by three.js")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    logging.getLogger("mmdgen").setLevel(logging.ERROR)
    install_three()
    with tempfile.TemporaryDirectory() as folder:
        sources = model_sources(options.models or write_builtin(options.builtin, Path(folder)))
        if not sources:
            sys.exit("no usable model")
        config = benchmark_config(4)
        if options.no_outline:
            config = replace(config, outline_px=0.0)
        comparisons, driver = compare(
            sources,
            config,
            options.poses,
            options.gl,
            options.timeout,
            options.workers,
            options.pictures,
        )
    if options.json:
        ratios = [{"cpu_ratio": row.cpu_ratio, "speed_ratio": row.speed_ratio} for row in comparisons]
        rows = [asdict(row) | ratio for row, ratio in zip(comparisons, ratios, strict=True)]
        print(json.dumps({"three_driver": driver, "workers": options.workers, "rows": rows}, indent=2))
        return
    print(f"{'':26}{'CPU ms a picture':^39}{'images/s':^28}")
    print(
        f"{'':26}{'three.js':>9}{'drawing':>9}{'mmdgen':>9}{'ratio':>9}{'three.js':>12}{'mmdgen':>8}{'ratio':>8}"
    )
    for row in comparisons:
        print(
            f"{row.model[:25]:26}{row.three_cpu_ms:9.1f}{row.three_draw_cpu_ms:9.1f}{row.mmdgen_cpu_ms:9.2f}"
            f"{row.cpu_ratio:8.1f}x{row.three_images_per_second:12.1f}{row.mmdgen_images_per_second:8.1f}"
            f"{row.speed_ratio:7.1f}x"
        )
    print(f"three.js draws with {driver}\nmmdgen draws with {options.workers} processes")
    print(f"target: at least {TARGET_RATIO:g}x the images/s")


if __name__ == "__main__":
    main()
