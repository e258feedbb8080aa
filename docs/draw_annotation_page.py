"""Draw docs/images/annotate-light.webp and annotate-dark.webp: the annotation page with built-in characters.

    python docs/draw_annotation_page.py

Needs Chromium (`make setup-browser`), so `make docs` does not run it.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import PIL.Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mmdgen.generate.builtin import write_builtin_characters
from mmdgen.generate.proposals import model_files, propose_all
from tests.annotate_gui.browser import Annotator, open_chromium, serving

IMAGES = Path(__file__).parent / "images"
SEEDS = (0, 8)  # first and number


def shoot(annotator: Annotator, name: str) -> None:
    """Save what the page shows as a small WebP."""
    picture = PIL.Image.open(io.BytesIO(annotator.page.screenshot()))
    picture.save(IMAGES / f"annotate-{name}.webp", quality=72, method=6)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        models, annotations = Path(folder) / "models", Path(folder) / "annotations"
        write_builtin_characters(models, SEEDS[1], first_seed=SEEDS[0])
        propose_all(model_files(models, None), annotations)
        with serving(models, annotations) as server, open_chromium() as browser:
            kim = Annotator(browser, server.url, "Kim")
            kim.page.emulate_media(color_scheme="light")
            for _ in range(2):
                model = kim.model
                kim.press("Enter")
                kim.wait_for_model(other_than=model)
            kim.press("d", " ")
            kim.wait_until_saved()
            kim.page.wait_for_timeout(500)
            shoot(kim, "light")
            kim.page.emulate_media(color_scheme="dark")
            kim.press(" ", "/")
            kim.page.wait_for_selector("#rows button")
            kim.page.wait_for_timeout(500)
            shoot(kim, "dark")
            kim.close()
    print(f"wrote two pictures in {IMAGES}")
