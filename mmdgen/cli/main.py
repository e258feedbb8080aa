"""The group of all commands: finds them lazily, and turns errors into one sentence.

Every command lives in `mmdgen.cli.<name>` as a click command called `<name>`, imported only when it is
called. Its module may therefore import what it needs at the top.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

import click

from mmdgen import __version__
from mmdgen.errors import MmdgenError

# Summaries stand here so that `mmdgen --help` imports none of the commands; a test compares them.
COMMANDS = {
    "cast": "Write built-in characters.",
    "inspect": "Tell what is in a model file, with every warning.",
    "catalog": "Scan folders of downloaded models: usable, or why not, and which are the same.",
    "annotate": "Propose the annotations of models automatically.",
    "preview": "Draw one picture of one model under one pose.",
    "plan": "Plan a data set, and say what it would hold and how long rendering would take.",
    "render": "Render the shards of a data set that are not there yet.",
    "verify": "Check a data set: hashes, pixels, leaks across splits.",
    "report": "Write one HTML page to look at a data set.",
    "train": "Train the networks of the article from a data set.",
    "bench": "Measure how fast this machine makes pictures, and where the time goes.",
    "evaluate": "Measure how well networks do on characters that they never saw.",
}

INTERRUPTED_EXIT_CODE = 130  # 128 + SIGINT, as shells report it
TERMINATED_EXIT_CODE = 143  # 128 + SIGTERM

_ended_by = "interrupted"  # what the signal that ends this process is called

_ADVICE = {
    errno.ENOSPC: "free some space and run the same command again, what is finished is kept",
    errno.EDQUOT: "your quota is used up; free some space and run the same command again",
    errno.EACCES: "check who may read and write it, or choose another place with --out",
    errno.EPERM: "check who may read and write it, or choose another place with --out",
    errno.EROFS: "choose another place with --out",
    errno.ENOENT: "check the path",
    errno.EISDIR: "name a file",
}


class Commands(click.Group):
    """The commands of `COMMANDS`, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command. None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mmdgen.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their summaries, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; an error becomes one sentence on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except MmdgenError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # the reader of our output went away: click ends quietly
        except OSError as error:
            raise click.ClickException(sentence_about(error)) from error
        except MemoryError as error:
            raise click.ClickException("out of memory: try fewer --workers") from error
        except KeyboardInterrupt:
            click.echo(f"{_ended_by}: run the same command again to go on", err=True)
            ctx.exit(INTERRUPTED_EXIT_CODE if _ended_by == "interrupted" else TERMINATED_EXIT_CODE)


def sentence_about(error: OSError) -> str:
    """What went wrong with which file, and what to do, for a person."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    place = error.filename if error.filename2 is None else error.filename2
    where = "" if place is None else f"{place}: "
    advice = _ADVICE.get(error.errno or 0)
    return f"{where}{reason}" + (f"; {advice}" if advice else "")


def use_readable_output() -> None:
    """Let Japanese names through on any console.

    Files and pipes get UTF-8 (on Windows they would get the code page, which has no kana in most of the
    world); a terminal keeps its own encoding, with a ? for what it cannot show.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue  # captured, or no console at all
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mmdgen")
def cli() -> None:
    """Turn MikuMikuDance models into training data for networks that animate one anime picture.

    Commands about a data set read mmdgen.toml in the current folder, or --config FILE.
    """


def main() -> None:
    """Entry point of the `mmdgen` script."""
    use_readable_output()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        try:
            cli(prog_name="mmdgen")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _end_without_output()
    except OSError as error:
        # what could not be printed is tried again by the last flush: no second sentence about it
        is_told = isinstance(error.__context__, SystemExit) and error.__context__.code not in (None, 0)
        with suppress(OSError):
            if not is_told:
                click.echo(f"Error: the output cannot be written: {sentence_about(error)}", err=True)
        _end_without_output()


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM, as from a batch system whose time is up: tidy up as after Ctrl-C."""
    global _ended_by
    _ended_by = "terminated"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would break off the tidying up
    raise KeyboardInterrupt


def _end_without_output() -> None:
    """End; what still waits to be printed must not be tried again by Python's own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


if __name__ == "__main__":
    main()
