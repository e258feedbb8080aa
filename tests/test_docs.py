"""The documentation tells the truth: commands, options, make targets and links exist."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import click
import pytest

from annotate_gui.command import cli as annotate_gui
from mmdgen.cli.main import COMMANDS, cli

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
]
PAGE_IDS = [str(page.relative_to(CHECKOUT)) for page in PAGES]


def writer(name: str) -> ModuleType:
    """A program of docs/ that writes a page."""
    spec = importlib.util.spec_from_file_location(name, CHECKOUT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command_named(*words: str) -> click.Command:
    """The command of `mmdgen NAME`, or of `mmdgen GROUP NAME`, that a line's words begin with."""
    command: click.Command | None = cli
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        command = command.get_command(click.Context(command), word)
        assert command is not None, f"no command mmdgen {' '.join(words)}"
    return command


def lines_to_type(page: Path) -> list[str]:
    """The command lines of a page's fenced blocks, continuation lines joined."""
    blocks = re.findall(
        r"^```(?:sh|bash|console)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    command = command_named(name)
    for each in [command, *(command.commands.values() if isinstance(command, click.Group) else [])]:
        assert each.help
        silent = [
            parameter.name
            for parameter in each.params
            if isinstance(parameter, click.Option) and not parameter.help
        ]
        assert not silent


def test_the_command_reference_is_what_the_commands_say() -> None:
    reference = writer("write_cli_reference")
    assert reference.PAGE.read_text(encoding="utf-8") == reference.cli_reference(), "run make docs"


def test_the_articles_data_set_is_reckoned_from_the_measures_of_the_page() -> None:
    scale = writer("write_scale")
    page = scale.PAGE.read_text(encoding="utf-8")
    assert scale.written(page) == page, "run python docs/write_scale.py"
    assert "520,000 samples of 8,032 models, 1,048,032 different pictures" in page
    slower = page.replace("`seconds_to_load_a_model` | ", "`seconds_to_load_a_model` | 9")
    assert scale.reckoned(slower) != scale.reckoned(page)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_what_a_page_tells_to_type_exists(page: Path) -> None:
    for line in lines_to_type(page):
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)  # VARIABLE=value before the command
        if words[:1] == ["make"]:
            targets = [word for word in words[1:] if "=" not in word]
            assert set(targets) <= make_targets(), line
        elif words[:1] == ["annotate-gui"] or (
            words[:1] == ["mmdgen"] and len(words) > 1 and not words[1].startswith("-")
        ):
            command = annotate_gui if words[0] == "annotate-gui" else command_named(*words[1:])
            known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
            used = {word.split("=")[0] for word in words[1:] if word.startswith("-")}
            assert used <= known, line


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [
        target
        for target in targets
        if not target.startswith(("http://", "https://", "mailto:")) and not (page.parent / target).exists()
    ]
    assert not missing


def test_every_page_can_be_reached_from_the_index() -> None:
    index = CHECKOUT / "docs/index.md"
    linked = {
        (index.parent / target).resolve()
        for target in re.findall(r"\]\(([^)#\s]+)", index.read_text(encoding="utf-8"))
    }
    lonely = [page.name for page in (CHECKOUT / "docs").rglob("*.md") if page != index and page not in linked]
    assert not lonely


def commands_of_a_script(script: str, tmp_path: Path, **variables: str) -> list[list[str]]:
    """How a script calls mmdgen: run by bash with a mmdgen that only tells its arguments."""
    stand_in = tmp_path / "mmdgen"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\t" "$@"; echo\n', encoding="utf-8")
    stand_in.chmod(0o755)
    environment = os.environ | variables | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    return [line.split("\t")[:-1] for line in done.stdout.splitlines()]


def check_render(words: list[str]) -> dict[str, object]:
    """What `mmdgen render` understands of these words; wrong ones raise."""
    assert words[0] == "render"
    return command_named("render").make_context("render", words[1:]).params


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_slurm_script_calls_a_command_that_exists(tmp_path: Path) -> None:
    script = (CHECKOUT / "docs/how-to/slurm.sh").read_text(encoding="utf-8")
    variables = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "8", "SHARDS": "4"}
    (words,) = commands_of_a_script(script, tmp_path, **variables)
    params = check_render(words)
    assert (params["splits"], params["shards"], params["workers"]) == (("train",), range(12, 16), 8)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_kubernetes_job_calls_a_command_that_exists(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((CHECKOUT / "docs/how-to/kubernetes.yaml").read_text(encoding="utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["spec"]["completionMode"] == "Indexed"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    shell, option, script = container["command"]
    assert (shell, option) == ("bash", "-c")
    (words,) = commands_of_a_script(script, tmp_path, JOB_COMPLETION_INDEX="2")
    params = check_render(words)
    assert (params["shards"], str(params["out"])) == (range(32, 48), "s3://BUCKET/SET")
