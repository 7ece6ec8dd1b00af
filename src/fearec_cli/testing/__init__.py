"""Checks for authors of plugins: one function a kind, each a whole test of a component.

>>> from fearec_cli.testing import check_filter
>>> check_filter(fearec_filters()[0])  # doctest: +SKIP

Each builds the component with its default options in a small grid of places (odd and even N, one layer and
three, one head and two) and raises `PluginError` at the first broken promise, naming the component, the place, the
rule, what was expected and what it did. Nothing is returned. torch's generator is left as it was.
"""

from fearec_cli.testing.adapters import check_adapter
from fearec_cli.testing.attentions import check_attention
from fearec_cli.testing.filters import check_filter
from fearec_cli.testing.fusions import check_fusion
from fearec_cli.testing.losses import check_loss

__all__ = ["check_adapter", "check_attention", "check_filter", "check_fusion", "check_loss"]
