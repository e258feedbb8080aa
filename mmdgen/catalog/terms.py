"""What a model's files say about how it may be used: found and shown, never judged.

Terms stand in the model's comment and in text files beside it, in many languages and encodings. The sentences
that look like terms are listed with the file they are from; a person must read the whole.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdgen.model import Model

MAX_FILES = 40
MAX_FILE_BYTES = 1 << 20
MAX_LINES = 12
MAX_LINE = 300

_SUFFIXES = {".txt", ".md", ".text", ".rst"}
_BARE_NAMES = re.compile(r"(licen[sc]e|copying|copyright|readme|terms)", re.IGNORECASE)
_SPEAKS_OF_TERMS = re.compile(
    r"利用規約|規約|許諾|禁止|禁ず|再配布|二次配布|商用|営利|改変|改造|転載|著作|権利|クレジット|ライセンス|R-?18"
    r"|licen[sc]e|copyright|\(c\)|©|terms of use|redistribut|commerc|prohibit|forbid|allowed"
    r"|must not|may not|permission|credit|guideline|free (?:for|to) "
    r"|禁止商用|使用条款|版权|授权|배포|상업|라이선스",
    re.IGNORECASE,
)
_LICENCES = {
    "Piapro Character License": r"piapro|ピアプロ|guideline\s+set by Crypton",
    "CC0": r"\bCC0\b|CC[- ]Zero",
    "CC BY-NC-ND": r"\bCC[- ]?BY[- ]?NC[- ]?ND\b|Attribution[-\s#]*NonCommercial[-\s#]*NoDeriv",
    "CC BY-NC-SA": r"\bCC[- ]?BY[- ]?NC[- ]?SA\b|Attribution[-\s#]*NonCommercial[-\s#]*ShareAlike",
    "CC BY-NC": r"\bCC[- ]?BY[- ]?NC\b(?![- ]?(?:ND|SA))"
    r"|Attribution[-\s#]*NonCommercial(?![-\s#]*(?:NoDeriv|ShareAlike))",
    "CC BY-ND": r"\bCC[- ]?BY[- ]?ND\b",
    "CC BY-SA": r"\bCC[- ]?BY[- ]?SA\b|Attribution[-\s#]*ShareAlike",
    "CC BY": r"\bCC[- ]?BY\b(?![- ]?(?:NC|ND|SA))|creativecommons\.org/licenses/by/",
    "MIT": r"\bMIT Licen[sc]e\b",
    "MPL 2.0": r"Mozilla Public License",
    "Unity-Chan License": r"Unity-?chan license|ユニティちゃんライセンス",
    "VN3 License": r"\bVN3\b",
}
_LICENCE_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _LICENCES.items()}


@dataclass(frozen=True, slots=True)
class TermsSource:
    """Lines of one text that speak of terms."""

    source: str  # "comment", or the file's path from the model's folder
    lines: tuple[str, ...]  # in the text's order
    more_lines: int  # that speak of terms too and are not listed
    licences: tuple[str, ...]  # known licences that the text names


def find_terms(model: Model, folder: Path) -> tuple[TermsSource, ...]:
    """What the model's comments and the text files beside it say about terms.

    Args:
        model: its Japanese and English comments are looked at.
        folder: the model's folder; files in folders below it and links are not read.
    """
    return (*comment_terms(model), *folder_terms(folder))


def comment_terms(model: Model) -> tuple[TermsSource, ...]:
    """What the model's own comments say about terms."""
    texts = [("comment", model.comment)]
    if model.comment_en.strip() not in ("", model.comment.strip()):
        texts.append(("English comment", model.comment_en))
    return _speaking(texts)


def folder_terms(folder: Path) -> tuple[TermsSource, ...]:
    """What the text files of a folder say about terms; files in folders below it and links are not read."""
    return _speaking(_texts_in(folder))


def text_files(folder: Path) -> tuple[str, ...]:
    """Names of the text files of a folder, such as its readme."""
    return tuple(path.name for path in _text_paths(folder))


def terms_from_document(document: Mapping[str, Any]) -> TermsSource:
    """The terms that `asdict` made a document of."""
    return TermsSource(
        document["source"], tuple(document["lines"]), document["more_lines"], tuple(document["licences"])
    )


def _speaking(texts: Iterable[tuple[str, str]]) -> tuple[TermsSource, ...]:
    sources = (_terms_in(source, text) for source, text in texts)
    return tuple(found for found in sources if found.lines or found.licences)


def decode_text(data: bytes) -> str:
    """Text of unknown encoding: by its byte order mark, else UTF-8, Japanese or Chinese Windows."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "cp932", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("cp932", "replace")


def _texts_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Names and contents of the text files of a folder."""
    for path in _text_paths(folder):
        try:
            if path.stat().st_size <= MAX_FILE_BYTES:
                yield path.name, decode_text(path.read_bytes())
        except OSError:
            continue  # a file that cannot be read says nothing


def _text_paths(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _is_text(path))[:MAX_FILES]
    except OSError:
        return []


def _is_text(path: Path) -> bool:
    is_named_so = path.suffix.lower() in _SUFFIXES or (not path.suffix and _BARE_NAMES.search(path.name))
    return bool(is_named_so) and path.is_file() and not path.is_symlink()


def _terms_in(source: str, text: str) -> TermsSource:
    lines = [line.strip()[:MAX_LINE] for line in text.splitlines() if _SPEAKS_OF_TERMS.search(line)]
    licences = tuple(name for name, pattern in _LICENCE_PATTERNS.items() if pattern.search(text))
    return TermsSource(source, tuple(lines[:MAX_LINES]), max(len(lines) - MAX_LINES, 0), licences)
