"""What is decided of all surveyed models together: who is set aside, who shows the same character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmdgen.catalog.clusters import find_clusters
from mmdgen.catalog.looks import Look
from mmdgen.catalog.paint import (
    PaintFile,
    PaintHashes,
    find_paint,
    is_shared_toon,
    missing_share,
    paint_names,
)
from mmdgen.catalog.terms import TermsSource, folder_terms, text_files
from mmdgen.dataset.config import Keep
from mmdgen.dataset.places import Place
from mmdgen.dataset.splits import home_group
from mmdgen.dataset.storage import (
    write_text,
)
from mmdgen.generate.surveyed import SurveyedModel, SurveySettings, listed_rows
from mmdgen.scene import Shading

MAX_NAMED = 3  # textures in a sentence


def with_textures(models: Sequence[SurveyedModel], settings: SurveySettings) -> list[SurveyedModel]:
    """Find the texture files of usable models, and hash those that are new or changed."""
    places = [_paint_places(model) for model in models]
    hashes = PaintHashes.from_text(_text_of(settings.paints))
    digests = hashes.digests(file for found in places for file in found.values() if file is not None)
    write_text(settings.paints, hashes.to_text())
    return [
        replace(
            model,
            paints={name: "" if file is None else digests[file.path] for name, file in found.items()},
            texture_warnings=tuple(
                f"texture {name} is missing: drawn untextured"
                for name in paint_names(model.record.surfaces, settings.shading)
                if found.get(name) is None and not is_shared_toon(name)
            ),
        )
        for model, found in zip(models, places, strict=True)
    ]


def mark_unpainted(models: Sequence[SurveyedModel], settings: SurveySettings) -> list[SurveyedModel]:
    """Set models aside that would be drawn white for the greater part."""
    return [_without_paint(model, settings.max_missing_texture) for model in models]


def mark_duplicates(models: Sequence[SurveyedModel]) -> list[SurveyedModel]:
    """Of files with the same content the first by name that can be used is used."""
    first: dict[str, SurveyedModel] = {}
    for model in models:
        identity = model.record.model_id
        if identity and (identity not in first or (first[identity].problem and not model.problem)):
            first[identity] = model
    return [
        model
        if (original := first.get(model.record.model_id, model)) is model
        else replace(model, set_aside=f"has the same content as {original.file.name}")
        for model in models
    ]


def with_terms(models: Sequence[SurveyedModel]) -> list[SurveyedModel]:
    """Read the texts beside the models: in a model's folder, else in the nearest one above that has any."""
    beside: dict[Path, tuple[str, ...]] = {}
    said: dict[Path, tuple[TermsSource, ...]] = {}
    marked = []
    for model in models:
        depth = model.file.name.count("/")
        folders = [model.file.path.parent, *model.file.path.parent.parents][: max(depth, 1)]
        for folder in folders:
            if folder not in beside:
                beside[folder] = text_files(folder)
        home = next((folder for folder in folders if beside[folder]), folders[0])
        if home not in said:
            said[home] = folder_terms(home)
        marked.append(replace(model, readme=beside[home], terms=(*model.record.terms, *said[home])))
    return marked


def mark_kin(
    models: Sequence[SurveyedModel], looks: Mapping[str, Look], settings: SurveySettings
) -> list[SurveyedModel]:
    """Put models that show the same character into one group, or keep the best of them only.

    What the last survey decided stands, so that a file that is added moves no model that was there.
    """
    before = {name: row["group"] for name, row in listed_rows(settings.index).items() if row["is_usable"]}
    # by id: files of two folders may have the same name, and each usable model has an id of its own
    usable = {model.record.model_id: model for model in models if not model.problem}
    kin = find_clusters({identity: model.record.mesh_digest for identity, model in usable.items()}, looks)
    marked = []
    for model in models:
        of_model = kin.get(model.record.model_id) if not model.problem else None
        if of_model is None:
            marked.append(model)
            continue
        members = sorted((usable[identity] for identity in of_model.members), key=lambda member: member.file)
        names = tuple(member.file.name for member in members)
        best = min(members, key=_how_complete)
        own = [member.file.group for member in members]
        settled = [before[name] for name in names if before.get(name) in own]
        home = home_group(settled or own, settings.splits, settled=bool(settled))
        is_spare = settings.keep is Keep.BEST and model is not best
        marked.append(
            replace(
                model,
                kin=replace(of_model, members=names),
                home=home,
                set_aside=f"shows the same character as {best.file.name}, which is kept" if is_spare else "",
            )
        )
    return marked


def _paint_places(model: SurveyedModel) -> dict[str, PaintFile | None]:
    names = paint_names(model.record.surfaces, Shading.TOON) if model.record.is_usable else []
    return {name: find_paint(model.file, name) for name in names}


def _text_of(path: Place) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _without_paint(model: SurveyedModel, limit: float) -> SurveyedModel:
    gone = [name for name, digest in model.paints.items() if not digest and not is_shared_toon(name)]
    share = missing_share(model.record.surfaces, gone)
    if share <= limit:
        return model
    painted = {surface.texture for surface in model.record.surfaces}
    names = [name for name in gone if name in painted]
    some = ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
    return replace(
        model,
        set_aside=f"{share:.0%} of its picture would be white, for want of {some}: put the texture files "
        "beside the model, or raise max_missing_texture",
    )


def _how_complete(model: SurveyedModel) -> tuple[object, ...]:
    """Sorts the most complete model first: fewer pictures missing, PMX before PMD, more morphs, vertices."""
    counts = model.record.counts
    return (
        len(model.texture_warnings),
        not model.record.format.startswith("pmx"),
        -counts["morphs"],
        -counts["vertices"],
        model.file.name,
    )
