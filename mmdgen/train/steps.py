"""What each kind of network is given, and which of its answers are pictures of the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from mmdgen.train.data import Batch
from mmdgen.train.networks.combiner import CombinerOutput
from mmdgen.train.networks.face_morpher import MorpherOutput
from mmdgen.train.networks.face_rotator import RotatorOutput

Output: TypeAlias = MorpherOutput | RotatorOutput | CombinerOutput
Inputs: TypeAlias = tuple[Tensor, ...]
MakeInputs: TypeAlias = Callable[[Batch], Inputs]


def plain_inputs(batch: Batch) -> Inputs:
    """Picture and pose, for morpher and rotator."""
    return batch.source, batch.pose


def inputs_through(rotator: nn.Module) -> MakeInputs:
    """The combiner's inputs: what a trained rotator makes of picture and pose, without gradients."""

    def make(batch: Batch) -> Inputs:
        with torch.no_grad():
            proposals: RotatorOutput = rotator(batch.source, batch.pose)
        return proposals.pumarola, proposals.zhou, batch.pose

    return make


def answers(output: Output) -> dict[str, Tensor]:
    """The pictures that should equal the target, by name, each (B, 4, H, W)."""
    match output:
        case RotatorOutput():
            return {"pumarola": output.pumarola, "zhou": output.zhou}
        case CombinerOutput():
            return {"combined": output.image}
        case MorpherOutput():
            return {"morphed": output.image}


def parts(output: Output) -> dict[str, Tensor]:
    """Masks, change and flow, to look at, by name."""
    hidden: dict[str, Any] = output._asdict()
    shown = {
        MorpherOutput: ("mask", "change"),
        RotatorOutput: ("mask", "change", "flow_offset"),
        CombinerOutput: ("combine_mask", "retouch_mask", "retouch_change"),
    }[type(output)]
    return {name: hidden[name] for name in shown}
