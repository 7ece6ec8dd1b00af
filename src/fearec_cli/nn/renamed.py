"""Former names of the API for plugins; they work, and warn with the current name."""

import warnings
from typing import TYPE_CHECKING, Any

from torch import Tensor


class RenamedLayerInputs:
    """Former names of `LayerInputs`."""

    if TYPE_CHECKING:

        def at_requested(self, signal: Tensor) -> Tensor: ...

    def at_wanted(self, signal: Tensor) -> Tensor:
        """Former name of `at_requested`."""
        _warn("LayerInputs.at_wanted", "at_requested")
        return self.at_requested(signal)


class _RenamedArguments(type):
    # A metaclass leaves the dataclass its own __init__, whose annotations say what it takes.
    if not TYPE_CHECKING:

        def __call__(cls, *args: Any, **fields: Any) -> Any:
            if "anchor" in fields:
                _warn("LossInputs(anchor=...)", "representation")
                fields["representation"] = fields.pop("anchor")
            return super().__call__(*args, **fields)


class RenamedLossInputs(metaclass=_RenamedArguments):
    """Former names of `LossInputs`, where it is made and where it is read."""

    if TYPE_CHECKING:
        representation: Tensor

    @property
    def anchor(self) -> Tensor:
        """Former name of `representation`."""
        _warn("LossInputs.anchor", "representation")
        return self.representation


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now called {new}; the old name will go", DeprecationWarning, stacklevel=3)
