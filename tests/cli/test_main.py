"""The command group: lazy, and every error one sentence."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mmdgen import __version__
from mmdgen.cli.main import COMMANDS, INTERRUPTED_EXIT_CODE, Commands, cli
from mmdgen.errors import DatasetError, FormatError


def run_command_that_raises(error: BaseException) -> Result:
    """What the group makes of a command that ends with `error`."""

    class OneCommand(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            def fail() -> None:
                raise error

            return click.Command(cmd_name, callback=fail)

    return CliRunner().invoke(OneCommand("mmdgen"), ["anything"])


def test_a_project_error_is_one_sentence_and_exit_code_1() -> None:
    result = run_command_that_raises(DatasetError("mmdgen.toml: unknown key 'sead'"))
    assert result.exit_code == 1
    assert result.stderr == "Error: mmdgen.toml: unknown key 'sead'\n"
    assert result.stdout == ""


def test_a_format_error_keeps_file_section_element_and_byte() -> None:
    error = FormatError("needs 4 bytes, 0 left", source="初音.pmx", section="bones", element=3, offset=18)
    assert (
        run_command_that_raises(error).stderr
        == "Error: 初音.pmx: bones 3, byte 0x12: needs 4 bytes, 0 left\n"
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "Error: out/a.tar: no space left on device; free some space and run the same command"),
        (errno.EACCES, "Error: out/a.tar: permission denied; check who may read and write it"),
        (errno.ENOENT, "Error: out/a.tar: no such file or directory; check the path"),
    ],
)
def test_an_operating_system_error_names_the_file_and_what_to_do(code: int, sentence: str) -> None:
    result = run_command_that_raises(OSError(code, os.strerror(code), "out/a.tar"))
    assert result.exit_code == 1
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_an_interrupt_says_how_to_go_on() -> None:
    result = run_command_that_raises(KeyboardInterrupt())
    assert result.exit_code == INTERRUPTED_EXIT_CODE
    assert result.stderr == "interrupted: run the same command again to go on\n"


def test_a_bug_keeps_its_traceback() -> None:
    assert isinstance(run_command_that_raises(ZeroDivisionError()).exception, ZeroDivisionError)


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(cli, ["rendr"])
    assert result.exit_code == 2
    assert "No such command 'rendr'" in result.stderr


def test_version_is_the_packages() -> None:
    assert CliRunner().invoke(cli, ["--version"]).stdout.strip().endswith(__version__)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_table_is_the_first_sentence_of_the_commands_help(name: str) -> None:
    command = getattr(importlib.import_module(f"mmdgen.cli.{name}"), name)
    assert isinstance(command, click.Command)
    assert command.help is not None
    assert command.help.splitlines()[0] == COMMANDS[name]


def test_japanese_survives_a_pipe_whatever_the_code_page() -> None:
    script = (
        "from mmdgen.cli.main import use_readable_output as use; use(); print('\\u307e\\u3070\\u305f\\u304d')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert done.stdout.decode("utf-8").strip() == "まばたき"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["render", "--help"]])
def test_output_that_cannot_be_written_is_one_sentence(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mmdgen", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "no space left on device; free some space" in done.stderr
    assert done.stderr.count("\n") == 1
