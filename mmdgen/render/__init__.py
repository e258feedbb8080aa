"""PosedModel -> pictures. The only folder that imports moderngl."""

from mmdgen.render.context import RenderSettings
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.maps import Maps
from mmdgen.render.redraw import Redraw
from mmdgen.render.renderer import Renderer

__all__ = ["GpuModel", "Maps", "Redraw", "RenderSettings", "Renderer"]
