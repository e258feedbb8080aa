"""Ctrl-C, which a terminal sends to every process of a command, and SIGTERM end it with one sentence."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = """
[dataset]
out = "dataset"
[models]
folders = ["models"]
[splits.train]
samples = 400
share = 1.0
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows has no process groups to interrupt")
@pytest.mark.parametrize(
    ("number", "word", "code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)]
)
@pytest.mark.parametrize("after_s", [0.1, 2.5])
def test_a_run_that_is_ended_says_how_to_go_on_and_nothing_else(
    tmp_path: Path, character_file: Path, after_s: float, number: int, word: str, code: int
) -> None:
    (tmp_path / "mmdgen.toml").write_text(CONFIG, encoding="utf-8")
    shutil.copytree(character_file.parent, tmp_path / "models" / "a")
    command = subprocess.Popen(
        [sys.executable, "-m", "mmdgen", "render"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
        # A shell lets background jobs ignore the signal, and whoever is started by one inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "dataset").exists():  # then all that Python imports at first is there
        assert command.poll() is None
        time.sleep(0.05)
    with pytest.raises(subprocess.TimeoutExpired):
        command.communicate(timeout=after_s)
    os.killpg(command.pid, number)
    output, _ = command.communicate(timeout=60)
    assert output == f"{word}: run the same command again to go on\n"
    # CPython dies of the signal itself if it came while exec() ran; a shell tells both alike
    assert command.returncode in (code, -number)
