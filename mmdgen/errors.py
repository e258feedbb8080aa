"""The errors that a user may meet. Each is one sentence: which file, where, what to do."""

from __future__ import annotations


class MmdgenError(Exception):
    """Base of every error that mmdgen raises on purpose."""


class FormatError(MmdgenError):
    """A model, motion or picture file breaks the rules of its format."""

    def __init__(
        self,
        problem: str,
        *,
        source: str,
        section: str,
        offset: int,
        element: int | None = None,
    ) -> None:
        """Build the sentence "source: section element, byte offset: problem"."""
        place = section if element is None else f"{section} {element}"
        super().__init__(f"{source}: {place}, byte {offset:#x}: {problem}")
        self.problem = problem
        self.source = source
        self.section = section
        self.offset = offset
        self.element = element

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling: workers send their errors to the process that planned."""
        return _rebuild_format_error, (self.problem, self.source, self.section, self.offset, self.element)


def _rebuild_format_error(
    problem: str, source: str, section: str, offset: int, element: int | None
) -> FormatError:
    return FormatError(problem, source=source, section=section, offset=offset, element=element)


class ModelError(MmdgenError):
    """A model was read but cannot be used for what was asked."""


class AnnotationError(MmdgenError):
    """An annotation is missing, invalid or does not fit its model."""


class RenderError(MmdgenError):
    """A picture could not be drawn."""


class DatasetError(MmdgenError):
    """A data set, its configuration or its folder is not in order."""


class NetworkError(MmdgenError):
    """A network, its checkpoint or its training run is not in order."""


class BackendError(MmdgenError):
    """An optional part is not installed or not reachable."""
