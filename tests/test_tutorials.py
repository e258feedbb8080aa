"""The tutorial does what it says: every command and every file of it, typed one after the other."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parent.parent / "docs/tutorials/first-dataset.md"


@pytest.mark.slow
def test_the_first_tutorial_ends_with_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```(\w+)\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    for language, text in blocks:
        match language:
            case "toml":
                Path("mmdgen.toml").write_text(text, encoding="utf-8")
            case "python":
                Path("read.py").write_text(text, encoding="utf-8")
                runpy.run_path("read.py")
            case "sh":
                for line in text.splitlines():
                    words = shlex.split(line)
                    if words[0] == "mmdgen":
                        subprocess.run([sys.executable, "-m", *words], check=True)
    assert capsys.readouterr().out.startswith("30 (256, 256, 4) {'head_x': ")
    assert Path("dataset/report/index.html").is_file()
    assert Path("rest.png").read_bytes() != Path("posed.png").read_bytes()
