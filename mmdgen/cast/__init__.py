"""The built-in characters: original anime characters, made from a seed by the program itself."""

from __future__ import annotations

from mmdgen.cast.character import Character, make_character
from mmdgen.cast.draw import draw_traits
from mmdgen.cast.files import write_character
from mmdgen.cast.traits import Traits

__all__ = ["Character", "Traits", "draw_traits", "make_character", "write_character"]
