"""Former names of the API for plugins; they work, and warn with the current name."""

import functools
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

C = TypeVar("C")


class RenamedInputs:
    """Former names of `LayerInputs`."""

    if TYPE_CHECKING:

        def at_requested(self, signal: Tensor) -> Tensor: ...

    def at_wanted(self, signal: Tensor) -> Tensor:
        """Former name of `at_requested`."""
        _warn("LayerInputs.at_wanted", "at_requested")
        return self.at_requested(signal)


def anchor_was_renamed(loss_inputs: type[C]) -> type[C]:
    """Let `LossInputs` be made with `anchor`, and read by it, as before it was called `representation`."""
    made = loss_inputs.__init__

    @functools.wraps(made)
    def make(self: Any, *args: Any, **fields: Any) -> None:
        if "anchor" in fields:
            _warn("LossInputs(anchor=...)", "representation")
            fields["representation"] = fields.pop("anchor")
        made(self, *args, **fields)

    def anchor(self: Any) -> Tensor:
        _warn("LossInputs.anchor", "representation")
        signal: Tensor = self.representation
        return signal

    loss_inputs.__init__ = make  # type: ignore[method-assign]
    loss_inputs.anchor = property(anchor)  # type: ignore[attr-defined]
    return loss_inputs


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now called {new}; the old name will go", DeprecationWarning, stacklevel=3)
