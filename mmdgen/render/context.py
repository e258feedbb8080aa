"""One headless OpenGL context, opened by the process and thread that draws with it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

import moderngl

from mmdgen.errors import RenderError


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How to reach OpenGL. Decides speed, never content.

    Attributes:
        device_index: which EGL device to use (EGL does not obey CUDA_VISIBLE_DEVICES); None = the default.
        software_threads: threads of Mesa's software driver; 0 draws on the calling thread, which is best with
            one process per core; None leaves it to Mesa.
    """

    device_index: int | None = None
    software_threads: int | None = None


def open_context(settings: RenderSettings) -> moderngl.Context:
    """Open a standalone OpenGL 3.3 core context: EGL on Linux, the platform's own elsewhere.

    Raises:
        RenderError: there is no driver or no such device.
    """
    if settings.software_threads is not None:
        os.environ["LP_NUM_THREADS"] = str(settings.software_threads)
    options: dict[str, Any] = {"standalone": True, "require": 330}
    if sys.platform.startswith("linux"):
        options["backend"] = "egl"
        if settings.device_index is not None:
            options["device_index"] = settings.device_index
    try:
        context = moderngl.create_context(**options)
    except Exception as error:  # glcontext raises bare Exception, ValueError or ImportError
        raise RenderError(_no_context_message(settings, error)) from error
    return context


def make_current(context: moderngl.Context) -> None:
    """Let the following OpenGL calls of this thread go to a context: another one may have been used since."""
    context.mglo.__enter__()  # moderngl's word for it; leaving would go back to the other one


def _no_context_message(settings: RenderSettings, error: Exception) -> str:
    if not sys.platform.startswith("linux"):
        return f"cannot open OpenGL 3.3 ({error}): install the graphics card's driver"
    if settings.device_index is not None:
        return f"cannot open OpenGL on EGL device {settings.device_index} ({error}): try another --device"
    return (
        f"cannot open OpenGL through EGL ({error}): install a driver, on Debian and Ubuntu with "
        "'apt-get install libegl1 libgl1'"
    )
