"""The data set's card for people and Hugging Face (`README.md`), and its Croissant metadata."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mmdgen.dataset.manifest import DatasetManifest, table_path
from mmdgen.dataset.places import Place
from mmdgen.dataset.storage import write_text

SIZE_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)

_CARD = """---
pretty_name: {pretty_name}
license: other
task_categories:
- image-to-image
tags:
- talking-head
- anime
- mmd
- webdataset
size_categories:
- {size_category}
configs:
- config_name: default
  data_files:
{data_files}
---

# {name}

Pictures of MikuMikuDance characters under known poses, made with mmdgen {version}: for every sample a *rest*
picture (eyes open, mouth open, looking ahead), an *expression* picture (eyes and mouth as the label says) and
a *posed* picture (head turned as well).

| split | samples | models | shards |
|---|---:|---:|---:|
{split_rows}

## Reading it

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder", split="{first_split}", streaming=True)
sample = next(iter(dataset))
sample["rest.png"], sample["expression.png"], sample["posed.png"], sample["json"]["pose"]
```

The shards are [WebDataset](https://github.com/webdataset/webdataset) tar files: `KEY.rest.png`,
`KEY.expression.png`, `KEY.posed.png`, `KEY.json`. Beside each stands its record (`.jsonl`): one row per
sample with byte offsets, hashes of files and pixels, the label and quality facts.
`manifest/<split>.parquet` holds the same rows in one table.

## The pictures

{size_px} x {size_px} RGBA, 8 bit. The background is exactly (0, 0, 0, 0). Colours are {colour}. The head
stands in the middle {half} rows. {samples_per_pixel} samples per pixel.

## The label

`pose_vector` in `KEY.json` holds these numbers in this order; `pose` holds them by name.

| parameter | range | density | meaning |
|---|---|---|---|
{parameter_rows}

"Left" is always the character's own left, the viewer's right.

## Terms

{terms}
"""


def write_card(folder: Place, manifest: DatasetManifest, version: str) -> None:
    """Write `README.md` and `croissant.json`. Raises StorageError."""
    write_text(folder / "README.md", card_text(manifest, version))
    write_text(
        folder / "croissant.json",
        json.dumps(croissant(folder, manifest), ensure_ascii=False, indent=1) + "\n",
    )


def card_text(manifest: DatasetManifest, version: str) -> str:
    """The data set card, Markdown with Hugging Face's front matter."""
    filled = {name: entry for name, entry in manifest.splits.items() if entry.samples}
    config = manifest.config
    return _CARD.format(
        name=manifest.name,
        pretty_name=json.dumps(manifest.name, ensure_ascii=False),
        version=version,
        size_category=_size_category(manifest.sample_count),
        data_files="\n".join(f"  - split: {name}\n    path: {name}/*.tar" for name in filled),
        split_rows="\n".join(
            f"| {name} | {entry.samples:,} | {entry.models:,} | {len(entry.shards):,} |"
            for name, entry in filled.items()
        ),
        first_split=next(iter(filled), "train"),
        size_px=config["size_px"],
        half=config["size_px"] // 2,
        colour="multiplied by alpha in linear light, then sRGB-encoded"
        if config["alpha"] == "premultiplied"
        else "sRGB-encoded with straight alpha",
        samples_per_pixel=config["samples_per_pixel"],
        parameter_rows="\n".join(
            f"| {row['name']} | {row['low']:g} to {row['high']:g} | {row['density']} | {row['meaning']} |"
            for row in manifest.pose_space["parameters"]
        ),
        terms=manifest.terms,
    )


def croissant(folder: Place, manifest: DatasetManifest) -> dict[str, Any]:
    """Croissant 1.0 metadata: the Parquet tables as files, their rows (where each sample is) as records."""
    splits = [name for name, entry in manifest.splits.items() if entry.samples]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": "Pictures of MikuMikuDance characters under known poses: rest, expression, posed.",
        "version": "1.0.0",
        "license": "other",
        "distribution": [_table_file(folder, name) for name in splits],
        "recordSet": [_record_set(name, manifest) for name in splits],
    }


def _size_category(count: int) -> str:
    return next((name for limit, name in SIZE_CATEGORIES if count < limit), "n>10M")


def _table_file(folder: Place, split: str) -> dict[str, Any]:
    path = table_path(folder, split)
    return {
        "@type": "cr:FileObject",
        "@id": f"{split}-table",
        "name": f"{split}-table",
        "contentUrl": f"manifest/{path.name}",
        "encodingFormat": "application/x-parquet",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _record_set(split: str, manifest: DatasetManifest) -> dict[str, Any]:
    texts = ("key", "shard", "model_id", "group", "split")
    columns = dict.fromkeys(texts, "sc:Text")
    columns |= {row["name"]: "sc:Float" for row in manifest.pose_space["parameters"]}
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"The samples of {split}: where they are, and their labels.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{split}/{name}",
                "name": f"{split}/{name}",
                "description": name,
                "dataType": kind,
                "source": {"fileObject": {"@id": f"{split}-table"}, "extract": {"column": name}},
            }
            for name, kind in columns.items()
        ],
    }


# The standard context of Croissant 1.0, as its specification prints it.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "equivalentProperty": "cr:equivalentProperty",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
