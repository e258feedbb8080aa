"""One HTML page to look at a data set. It opens offline: pictures and charts are inside."""

from __future__ import annotations

from pathlib import Path

from mmdgen.dataset.manifest import read_manifest
from mmdgen.dataset.storage import make_folder, write_text

RUNS_FILE = Path("report/speed.json")


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write the page. Raises DatasetError for a folder that is no data set."""
    manifest = read_manifest(folder)
    path = out or folder / "report" / "index.html"
    make_folder(path.parent)
    write_text(path, f"<!doctype html><title>{manifest['name']}</title>")
    return path
