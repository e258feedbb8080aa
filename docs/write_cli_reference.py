"""Write docs/reference/cli.md from the commands' own help: `make docs`. A test compares the two."""

from __future__ import annotations

from pathlib import Path

import click

from annotate_gui.command import cli as annotate_gui
from mmdgen.cli.main import cli

PAGE = Path(__file__).parent / "reference" / "cli.md"
WIDTH = 100

HEAD = """\
# Commands

<!-- Written by `make docs` from the commands' own help. -->

Names and options are a stable interface: they keep their meaning. `--config --out --seed --workers
--device --limit --dry-run --json` mean the same in every command that has them.

| Exit code | Means |
|---|---|
| 0 | done |
| 1 | something planned is missing, or an error: one sentence that names the file, the place and what to do |
| 2 | wrong usage |
| 130 | interrupted with Ctrl-C; run the same command again to go on |
| 143 | ended by SIGTERM, as a batch system sends it; run the same command again to go on |

A traceback is a bug: please report it.
"""


def help_of(command: click.Command, name: str, parent: click.Context | None = None) -> str:
    """What `mmdgen NAME --help` prints, at a fixed width."""
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    return command.get_help(context)


def cli_reference() -> str:
    """The whole page."""
    root = click.Context(cli, info_name="mmdgen", terminal_width=WIDTH)
    sections = [HEAD, f"## mmdgen\n\n```text\n{help_of(cli, 'mmdgen')}\n```\n"]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        sections.append(f"## mmdgen {name}\n\n```text\n{help_of(command, name, root)}\n```\n")
        if isinstance(command, click.Group):
            group = click.Context(command, info_name=name, parent=root)
            for part, subcommand in command.commands.items():
                text = help_of(subcommand, part, group)
                sections.append(f"## mmdgen {name} {part}\n\n```text\n{text}\n```\n")
    page = help_of(annotate_gui, "annotate-gui")
    sections.append(f"## annotate-gui\n\n```text\n{page}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    PAGE.write_text(cli_reference(), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE}")
