"""How long an annotator waits at the page, in real Chromium: from the key press to the next model's picture.

    python benchmarks/annotate_page.py [--count 24] [--think 2] [--delay 0 60] [--models DIR] [--json]

Starts `annotate-gui` on built-in characters that stray as real models do (or on DIR), and confirms them one
after the other by key: the scripted person looks at each for --think seconds. The browser's own clock tells
the time from the key event to the painted picture; --delay adds so many milliseconds to every request, as a
network would. Each round is then done again without thinking time, where the drawing decides the pace, and
the waits of models that were not loaded ahead are told apart.

Of the built-in characters the truth is known: told is also how many were proposed right (chin and top within
0.1 u, the seven roles on the keys), so that Enter alone is the right answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from annotate_gui.actions import PRIMARY_ROLES
from mmdgen.annotate.json_form import annotation_from_text
from mmdgen.annotate.schema import Annotation, Role, Side
from mmdgen.annotate.store import AnnotationStore
from mmdgen.generate.builtin import write_builtin_characters
from mmdgen.generate.proposals import model_files, propose_all
from tests.annotate_gui.browser import PATIENCE_MS, open_chromium, serving

TOLERANCE = 0.1  # u
SHOWN = """before => { const now = document.body.dataset.model;
return (now && now !== before) || !document.getElementById("empty").hidden; }"""


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory() as folder:
        models = arguments.models or characters(Path(folder) / "models", arguments.count)
        proposed = Path(folder) / "proposed"
        propose_all(model_files(models, None), proposed)
        facts: dict[str, Any] = {"rounds": []}
        if arguments.models is None:
            facts["needs_only_enter"] = share_of_right(models, proposed)
        for delay in arguments.delay:
            for think in (arguments.think, 0.0):
                annotations = Path(shutil.copytree(proposed, Path(folder) / f"{delay}-{think}"))
                with serving(models, annotations) as server:
                    told = one_round(server.url, delay, think)
                facts["rounds"].append({"delay_ms": delay, "think_s": think, **told})
    print(json.dumps(facts, indent=1) if arguments.json else as_text(facts))


def characters(folder: Path, count: int) -> Path:
    write_builtin_characters(folder, count, first_seed=500, wild=True)
    return folder


def one_round(url: str, delay_ms: int, think_s: float) -> dict[str, Any]:
    """Confirm every model that can be confirmed; leave out the others."""
    with open_chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script("localStorage.setItem('annotate-gui:name', 'benchmark')")
        if delay_ms:
            network = page.context.new_cdp_session(page)
            network.send("Network.enable")
            condition = {
                "offline": False,
                "latency": delay_ms,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            }
            network.send("Network.emulateNetworkConditions", condition)
        page.goto(url)
        page.wait_for_function(SHOWN, arg=None)
        waits = list(work_through(page, think_s))
    ahead = [wait for wait, _, was_ahead in waits if was_ahead]
    waited = [wait for wait, _, was_ahead in waits if not was_ahead]
    return {
        "models": len(waits),
        "loaded_ahead": summary(ahead),
        "not_loaded_yet": summary(waited),
        "seconds_per_model": round(statistics.median(spent for _, spent, _ in waits), 2),
    }


def work_through(page: Any, think_s: float) -> Iterator[tuple[float, float, bool]]:
    """Milliseconds that each key press waited, seconds of the model, and whether it was loaded ahead."""
    while page.is_hidden("#empty"):
        model = page.evaluate("document.body.dataset.model")
        started = time.perf_counter()
        time.sleep(think_s)
        was_ahead = page.evaluate(
            "document.body.dataset.aheadOf === document.body.dataset.model && document.body.dataset.ahead > 0"
        )
        page.evaluate("document.getElementById('toast').textContent = ''")
        before = page.evaluate("performance.getEntriesByName('key-to-picture').length")
        page.keyboard.press("Enter")
        if "No morph" in (page.text_content("#toast") or ""):
            page.keyboard.press("x")
            page.keyboard.press("5")
        page.wait_for_function(SHOWN, arg=model)
        if page.is_hidden("#empty"):
            page.wait_for_function(
                "count => performance.getEntriesByName('key-to-picture').length > count", arg=before
            )
            wait = page.evaluate("performance.getEntriesByName('key-to-picture').at(-1).duration")
            yield wait, time.perf_counter() - started, was_ahead


def summary(waits: list[float]) -> dict[str, float] | None:
    if not waits:
        return None
    ordered = sorted(waits)
    return {
        "count": len(ordered),
        "median_ms": round(statistics.median(ordered), 1),
        "p90_ms": round(ordered[int(0.9 * (len(ordered) - 1))], 1),
    }


def share_of_right(models: Path, proposed: Path) -> str:
    truths = [
        annotation_from_text(path.read_text(encoding="utf-8")) for path in models.rglob("*.annotation.json")
    ]
    store = AnnotationStore(proposed)
    right = sum(is_right(truth, store.get(truth.model_id)) for truth in truths)
    return f"{right} of {len(truths)}"


def is_right(truth: Annotation, proposed: Annotation | None) -> bool:
    """Whether a person who knows the truth would press Enter at once."""
    if proposed is None or truth.eyes is None:
        return False
    unit = truth.eyes.left[1] - truth.head.bottom
    off = max(abs(proposed.head.bottom - truth.head.bottom), abs(proposed.head.top - truth.head.top))
    return off <= TOLERANCE * unit and all(plays_right(truth, proposed, role) for role in PRIMARY_ROLES)


def plays_right(truth: Annotation, proposed: Annotation, role: Role) -> bool:
    """Whether the true morph plays a role; half of the true both-eye morph does as well as a wink."""
    true, said = truth.roles.get(role), proposed.roles.get(role)
    if said is not None and said.half is not None:
        both = truth.roles[Role.of(role.feature, Side.BOTH)]
        return said.morph == both.morph and said.half.value == role.side.value
    if true is None or said is None:
        return true is said
    return said.morph == true.morph


def as_text(facts: dict[str, Any]) -> str:
    lines = [f"Enter alone is right: {facts['needs_only_enter']}"] if "needs_only_enter" in facts else []
    for told in facts["rounds"]:
        lines.append(
            f"delay {told['delay_ms']} ms, looking {told['think_s']} s: {told['models']} models, "
            f"{told['seconds_per_model']} s a model"
        )
        lines += [
            f"  {name.replace('_', ' ')}: {told[name]['count']} key presses, "
            f"median {told[name]['median_ms']} ms, 90 % within {told[name]['p90_ms']} ms"
            for name in ("loaded_ahead", "not_loaded_yet")
            if told[name]
        ]
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--think", type=float, default=2.0)
    parser.add_argument("--delay", type=int, nargs="+", default=[0, 60])
    parser.add_argument("--models", type=Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
