"""`annotate-gui` on the command line: what it says when it cannot start."""

from __future__ import annotations

import builtins
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from annotate_gui.command import cli, say_where
from annotate_gui.desk import PAGE_FOLDER, Desk
from annotate_gui.lock import only_one
from annotate_gui.scout import FILES, Scout
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile

from .browser import serving


def said(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    return result.output


def test_every_option_has_help() -> None:
    silent = [option.name for option in cli.params if isinstance(option, click.Option) and not option.help]
    assert silent == []


def test_a_folder_without_models_is_named(tmp_path: Path) -> None:
    assert f"no model file (.pmx or .pmd) below {tmp_path}" in said(tmp_path, "--annotations", tmp_path / "a")


def test_without_a_folder_or_a_configuration_it_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "name a folder of models" in said()


def test_a_missing_extra_is_one_sentence(files: list[ModelFile], monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_uvicorn(name: str, *arguments: Any, **details: Any) -> Any:
        if name.startswith("uvicorn"):
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        return imported(name, *arguments, **details)

    monkeypatch.setattr(builtins, "__import__", without_uvicorn)
    assert '(uvicorn is missing): pip install "mmdgen[gui]"' in said(files[0].path)


def test_a_second_page_on_the_same_annotations_is_refused(files: list[ModelFile], annotations: Path) -> None:
    with only_one(annotations / PAGE_FOLDER, annotations):
        told = said(files[0].path, "--annotations", annotations)
    assert "another annotate-gui works on these annotations; open its page instead" in told


def test_a_port_that_is_taken_is_said(files: list[ModelFile], annotations: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = said(files[0].path, "--annotations", annotations, "--port", port)
    assert f"cannot listen at 127.0.0.1 port {port}" in told
    assert "choose another --port" in told


def test_an_address_that_other_machines_can_open_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        say_where(listener, "0.0.0.0", "secret", 3)
    assert f"http://{socket.gethostname()}:{port}/?token=secret" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a console, not to a process")
def test_ctrl_c_is_the_regular_end(files: list[ModelFile], annotations: Path) -> None:
    with serving(files[0].path.parents[1], annotations) as server:
        with urllib.request.urlopen(server.url) as answer:  # it serves by now
            assert answer.status == 200
        assert server.interrupt() == 0


def test_what_was_seen_before_is_not_read_again(files: list[ModelFile], annotations: Path) -> None:
    def scouted() -> Scout:
        store = AnnotationStore(annotations)
        desk = Desk(store)
        scout = Scout(desk, store, files, workers=1)
        scout.start()
        desk.close()
        return scout

    assert scouted().done == len(files)
    (annotations / PAGE_FOLDER / FILES).write_text("{", encoding="utf-8")
    again = scouted()
    again.wait()
    assert again.done == len(files)
