from __future__ import annotations

from pathlib import Path

import pytest

from mmdgen.catalog.scan import Grouping, find_model_files
from mmdgen.errors import DatasetError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_models_are_found_at_any_depth_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path, "anime/初音/a.pmx", "games/b.PMD", "c.Pmx", "games/readme.txt", "games/b.vmd")
    files = find_model_files([tmp_path])
    assert [(file.name, file.group) for file in files] == [
        ("anime/初音/a.pmx", "anime"),
        ("c.Pmx", "c"),
        ("games/b.PMD", "games"),
    ]


def test_the_shadows_that_macos_leaves_in_archives_are_no_models(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.pmx", "__MACOSX/a/._x.pmx")
    assert [file.name for file in find_model_files([tmp_path])] == ["a/x.pmx"]


def test_names_say_nothing_of_the_machine(tmp_path: Path) -> None:
    touch(tmp_path, "one/a/x.pmx", "two/b/y.pmx")
    files = find_model_files([tmp_path / "one", tmp_path / "two"])
    assert [file.name for file in files] == ["a/x.pmx", "b/y.pmx"]
    assert [file.path.is_file() for file in files] == [True, True]


def test_a_folder_named_like_a_model_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "miku.pmx/miku.pmx")
    assert [file.name for file in find_model_files([tmp_path])] == ["miku.pmx/miku.pmx"]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "models/own/x.pmx", "elsewhere/miku/y.pmx")
    try:
        (tmp_path / "models" / "miku").symlink_to(tmp_path / "elsewhere" / "miku", target_is_directory=True)
    except OSError as error:
        pytest.skip(f"this system lets nobody make links: {error}")
    (tmp_path / "elsewhere" / "miku" / "back").symlink_to(tmp_path / "models", target_is_directory=True)
    files = find_model_files([tmp_path / "models"])
    assert [(file.name, file.group) for file in files] == [("miku/y.pmx", "miku"), ("own/x.pmx", "own")]


def test_nothing_found_and_no_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"there is no model file \(.pmx or .pmd\) below"):
        find_model_files([tmp_path])
    with pytest.raises(DatasetError, match="is no folder"):
        find_model_files([tmp_path / "nowhere"])


def test_a_group_may_be_several_folders_deep(tmp_path: Path) -> None:
    touch(tmp_path, "anime/show/miku/x.pmx", "anime/y.pmx", "z.pmx")
    groups = {file.name: file.group for file in find_model_files([tmp_path], Grouping(depth=2))}
    assert groups == {"anime/show/miku/x.pmx": "anime/show", "anime/y.pmx": "anime", "z.pmx": "z"}


def test_a_group_may_be_read_off_the_path_by_a_pattern() -> None:
    grouping = Grouping(pattern=r"(?:^|/)([a-z]+)_v\d+")
    assert grouping.group("down/miku_v2/x.pmx") == "miku"
    assert grouping.group("down/miku_v10.pmx") == "miku"
    assert grouping.group("down/other/x.pmx") == "down"  # the pattern says nothing of it


@pytest.mark.parametrize(
    ("pattern", "sentence"), [("(", "is no regular expression"), ("a+", "marks no part in parentheses")]
)
def test_a_pattern_that_cannot_name_a_group_is_refused(pattern: str, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        Grouping(pattern=pattern)
