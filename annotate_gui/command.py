"""`annotate-gui`: the browser page to confirm annotations."""

from __future__ import annotations

import getpass
import socket
import sys
from contextlib import suppress
from pathlib import Path

import click

from mmdgen import __version__
from mmdgen.errors import BackendError, DatasetError, MmdgenError


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("place", metavar="[CATALOG_OR_FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    default=Path("manifests/annotations"),
    show_default=True,
    metavar="DIR",
    help="Where annotations are kept.",
)
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="The folder that was scanned, for a list that `mmdgen catalog` wrote.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8008, show_default=True, help="0 = any.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at. Other machines can reach the page only if this is not 127.0.0.1; "
    "they then need the token that is printed.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Processes that annotate in the background.  [default: one per core]",
)
@click.option(
    "--device",
    type=click.IntRange(min=0),
    default=None,
    help="Number of the GPU to use.  [default: the first]",
)
@click.version_option(__version__, prog_name="annotate-gui")
def cli(
    place: Path | None,
    annotations: Path,
    models: Path | None,
    port: int,
    host: str,
    workers: int | None,
    device: int | None,
) -> None:
    """Confirm annotations in the browser.

    CATALOG_OR_FOLDER is a folder of models, a model file, or a list that `mmdgen catalog` wrote; without it
    the folders of mmdgen.toml are used. Everything is saved as you go; several people may work at once.
    """
    try:
        serve(place, annotations.expanduser(), models, host, port, workers, device)
    except MmdgenError as error:
        raise click.ClickException(str(error)) from error


def serve(
    place: Path | None,
    annotations: Path,
    models: Path | None,
    host: str,
    port: int,
    workers: int | None,
    device: int | None,
) -> None:
    """Run the page until it is interrupted.

    Raises:
        MmdgenError: there are no models, another annotate-gui works there, or the port is taken.
    """
    try:
        import uvicorn

        from annotate_gui.app import create_app
        from annotate_gui.desk import PAGE_FOLDER
        from annotate_gui.security import is_loopback, stored_token
    except ImportError as error:
        raise BackendError(
            f'the page needs an extra ({error.name} is missing): pip install "mmdgen[gui]"'
        ) from error
    from annotate_gui.lock import only_one
    from mmdgen.generate.proposals import model_files
    from mmdgen.render import RenderSettings

    files = [file for named in _places(place) for file in model_files(named, models)]
    folder = annotations / PAGE_FOLDER
    with only_one(folder, annotations), _listening(host, port) as listener:
        token = "" if is_loopback(host) else stored_token(folder / "token")
        app = create_app(
            files,
            annotations,
            user=_user(),
            token=token,
            workers=workers,
            settings=RenderSettings(device_index=device),
        )
        say_where(listener, host, token, len(files))
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        with suppress(KeyboardInterrupt):  # the way to end it
            uvicorn.Server(config).run(sockets=[listener])


def _places(place: Path | None) -> list[Path]:
    if place is not None:
        return [place]
    from mmdgen.dataset.config import read_config

    folders = list(read_config(Path("mmdgen.toml")).folders) if Path("mmdgen.toml").is_file() else []
    if not folders:
        raise DatasetError("name a folder of models: annotate-gui FOLDER")
    return folders


def _listening(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port that is taken is told before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    if sys.platform != "win32":  # there it would let two programs listen at one port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who comes before the server is ready waits
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise BackendError(f"cannot listen at {host} port {port}: {reason}; choose another --port") from error
    return listener


def say_where(listener: socket.socket, host: str, token: str, count: int) -> None:
    """Print what to open in a browser."""
    port = listener.getsockname()[1]
    if host in ("0.0.0.0", "::"):  # all of this machine's addresses: a browser needs one of them
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    query = f"?token={token}" if token else ""
    click.echo(f"{count} model files; open http://{shown}:{port}/{query}")
    if not token:
        click.echo(f"from another machine: ssh -L {port}:localhost:{port} {socket.gethostname()}")
    click.echo("Ctrl-C ends it; everything is saved as you go", nl=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def main() -> None:
    """Entry point of the `annotate-gui` script."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not stream.isatty():
            reconfigure(encoding="utf-8", errors="replace")
    cli(prog_name="annotate-gui")


if __name__ == "__main__":
    main()
