"""Reckon up the article's data set in docs/explanation/scale.md from the page's own table of measures.

    python docs/write_scale.py

Change a number in the first table of the page, run this, and the second follows. A test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mmdgen.dataset.config import Split, read_config
from mmdgen.dataset.plan import SourceModel, plan_dataset

PAGE = Path(__file__).parent / "explanation" / "scale.md"
CONFIG = Path(__file__).parent.parent / "manifests" / "tha1.toml"
MODELS = {Split.TRAIN: ("anime", 7881), Split.VALIDATION: ("nijisanji", 79), Split.TEST: ("vtubers", 72)}
BEGIN, END = "<!-- reckoned by docs/write_scale.py -->\n", "<!-- end -->\n"


def measures(page: str) -> dict[str, float]:
    """The numbers of the page's first table, by the name in backticks that each row begins with."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.MULTILINE)
    return {name: float(value) for name, value in rows}


def reckoned(page: str) -> str:
    """The second table."""
    known = measures(page)
    plans = list(plan_sizes())
    samples, models, shards = (sum(column) for column in zip(*plans, strict=True))
    size = samples * known["kilobytes_a_sample"] * 1e3
    one_core = samples / known["samples_a_second_of_one_core"] + models * known["seconds_to_load_a_model"]
    gpu = samples / known["samples_a_second_of_a_gpu"] / 3600
    hours = {
        "2 cores, no GPU": (one_core / 2 / 3600, "reckoned from the measures"),
        "16 machines of 2 cores, as a job array": (one_core / 32 / 3600, "reckoned: they share nothing"),
        "one machine with a GPU": (gpu, "projected, not measured"),
    }
    lines = [
        f"{samples:,} samples of {models:,} models, {2 * samples + models:,} different pictures, in "
        f"{shards:,} shards of about {size / shards / 1e6:.0f} MB: {size / 1e9:.0f} GB in all.",
        "",
        "| On | Hours | |",
        "|---|---:|---|",
        *(f"| {machine} | {value:.2g} | {how} |" for machine, (value, how) in hours.items()),
    ]
    return "\n".join(lines) + "\n"


def plan_sizes() -> Iterator[tuple[int, int, int]]:
    """Samples, models and shards of each split, from plans of as many models as the article's."""
    config = read_config(CONFIG)
    models = [
        SourceModel(f"{place:02x}{number:014x}", f"{group}/{number}", "")
        for place, (group, count) in enumerate(MODELS.values())
        for number in range(count)
    ]
    for split in MODELS:
        plan = plan_dataset(config, models, split)
        yield plan.sample_count, len(plan.models), len(plan.jobs)


def written(page: str) -> str:
    """The page with its second table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{reckoned(page)}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")
