"""The rules for components of more than one kind, and the subject that they are checked on."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from fearec_cli.components.violations import check_tensor, checking_reads, errors_of, violation
from fearec_cli.errors import PluginError
from fearec_cli.testing.grid import noise

Signals = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A component in one place.

    Attributes:
        name: kind, name and place, for messages.
        make: builds the component; may raise `ConfigError` where it does not fit.
        run: calls a component on signals.
        signals: what it is called on.
        shape: of what it must give.
        dtype: of the signals, the parameters and what it must give.
        declares: attribute in which a component names what it reads, if its kind has one.
    """

    name: str
    make: Callable[[], Any]
    run: Callable[[Any, Signals], Any]
    signals: Signals
    shape: Sequence[int]
    dtype: torch.dtype
    declares: str = ""

    def build(self, seed: int = 0) -> Any:
        """A component in evaluation mode, its weights drawn from this seed."""
        torch.manual_seed(seed)
        with errors_of(f"{self.name}, when built,"):
            part = self.make()
        return part.to(self.dtype).eval() if isinstance(part, nn.Module) else part

    def call(self, part: Any, signals: Signals | None = None) -> Tensor:
        """The component's output, of the right shape and type."""
        reading = checking_reads(self.name, self.declares) if self.declares else nullcontext()
        with errors_of(self.name), reading:
            out = self.run(part, self.signals if signals is None else signals)
        return check_tensor(self.name, "output", out, self.shape, self.dtype)

    def violation(self, rule: str, expected: str, got: str) -> PluginError:
        """The error about this subject."""
        return violation(self.name, rule, expected=expected, got=got)


def check_output(subject: Subject) -> None:
    """Right shape and type in both modes, finite, and in evaluation mode the same every time."""
    part = subject.build()
    out = subject.call(part)
    if not out.isfinite().all():
        raise subject.violation("output", "finite numbers", "NaN or infinity")
    if not torch.equal(out, subject.call(part)):
        raise subject.violation("evaluation mode", "the same output for the same input", "another one the second time")
    if isinstance(part, nn.Module):
        subject.call(part.train())


def check_gradients(subject: Subject, reads: Mapping[str, Sequence[str]]) -> None:
    """Every trainable parameter and everything that is read gets a finite gradient in training mode.

    Args:
        subject: what to check.
        reads: what must get a gradient, and the signals of which one at least must bring it there.
    """
    part = subject.build()
    parameters: dict[str, Tensor] = {}
    if isinstance(part, nn.Module):
        parameters = {name: value for name, value in part.train().named_parameters() if value.requires_grad}
    leaves = {name: signal.detach().clone().requires_grad_() for name, signal in subject.signals.items()}
    out = subject.call(part, leaves)
    gradients: list[Tensor | None] = [None] * (len(leaves) + len(parameters))
    if out.requires_grad:
        total = (out * noise(*out.shape, dtype=out.dtype, seed=99)).sum()
        gradients = list(torch.autograd.grad(total, [*leaves.values(), *parameters.values()], allow_unused=True))
    found = dict(zip([*leaves, *(f"parameter {name}" for name in parameters)], gradients, strict=True))
    wanted = {**reads, **{f"parameter {name}": (f"parameter {name}",) for name in parameters}}
    for what, names in wanted.items():
        if all(found[name] is None for name in names):
            raise subject.violation(
                f"gradient to {what}", "one", "none: the output does not depend on it, or is detached"
            )
    for name, gradient in found.items():
        if gradient is not None and not gradient.isfinite().all():
            raise subject.violation(f"gradient to {name}", "finite numbers", "NaN or infinity")


@torch.no_grad()
def check_state(subject: Subject) -> None:
    """A component with other weights becomes equal by loading a safetensors file of the first one's state."""
    one, other = subject.build(seed=1), subject.build(seed=2)
    if isinstance(one, nn.Module):
        for seed, parameter in enumerate(one.parameters()):
            parameter.add_(0.1 * noise(*parameter.shape, dtype=parameter.dtype, seed=seed))
        try:
            data = safetensors.torch.save({name: value.contiguous() for name, value in one.state_dict().items()})
            other.load_state_dict(safetensors.torch.load(data))
        except (RuntimeError, ValueError) as error:
            raise subject.violation("state", "a safetensors file", " ".join(str(error).split())[:300]) from error
    if not torch.equal(subject.call(one), subject.call(other)):
        raise subject.violation(
            "state",
            "equal outputs after saving and loading",
            "other outputs: something drawn or learned is in no parameter and no persistent buffer",
        )


@torch.no_grad()
def check_unchanged(
    subject: Subject, rule: str, changed: Tensor, compared: Tensor, *, training: bool = False, tolerance: float = 1e-6
) -> None:
    """Outputs at some positions do not depend on the signals at others.

    Args:
        subject: what to check; the first two axes of all signals and of the output are B and N.
        rule: what is promised.
        changed: [B, N] True where the signals are replaced.
        compared: [B, N] True where outputs must stay.
        training: in training mode, with the same draws before and after.
        tolerance: by which outputs may move.
    """
    part = subject.build()
    if training and isinstance(part, nn.Module):
        part.train()
    other = {
        name: torch.where(changed[..., None], 10 * noise(*signal.shape, dtype=signal.dtype, seed=100 + seed), signal)
        for seed, (name, signal) in enumerate(subject.signals.items())
    }

    def call(signals: Signals) -> Tensor:
        torch.manual_seed(0)  # of dropout
        return subject.call(part, signals)

    differences = (call(other) - call(subject.signals))[compared].abs()
    moved = differences.max().item() if differences.numel() else 0.0
    if not moved <= tolerance:
        raise subject.violation(rule, "outputs that stay", f"outputs that move by {moved:.2g}")


def check_causality(subject: Subject, valid: Tensor | None = None) -> None:
    """No position's output depends on a later position's signals: none moves by a single bit, in either mode.

    Training on every position rests on it: what a position could see of its own target would be learned at once.

    Args:
        subject: what to check.
        valid: [B, N] True where outputs count; everywhere unless given.
    """
    batch, n = subject.shape[:2]
    positions = torch.arange(n).expand(batch, n)
    counts = torch.ones_like(positions, dtype=torch.bool) if valid is None else valid
    for at in (0, n // 2, n - 2):
        rule = f"declared causal, but positions after {at} are seen before"
        for training in (False, True):
            check_unchanged(subject, rule, positions > at, (positions <= at) & counts, training=training, tolerance=0.0)
