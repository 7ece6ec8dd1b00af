"""The processes that share a run: which rows each computes, and how all rows are gathered."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Num
from torch import Tensor, distributed
from torch.autograd.function import Function, once_differentiable


class Processes:
    """One of the processes of a run, and what it can ask of the others.

    Every method but `sizes` and `own` is called by all of them, in the same order. In a single process nothing is sent
    or copied.

    Args:
        rank: which of them this is, from 0.
        size: how many there are.
        host: the group that exchanges what lies on the CPU; None is torch's default group.
    """

    def __init__(self, rank: int = 0, size: int = 1, host: distributed.ProcessGroup | None = None) -> None:
        self.rank = rank
        self.size = size
        self._host = host

    def sizes(self, rows: int) -> list[int]:
        """How many of the rows each process takes: the same number, or one more for the first ones."""
        least, more = divmod(rows, self.size)
        return [least + (rank < more) for rank in range(self.size)]

    def own(self, rows: int) -> slice:
        """The rows that this process takes: they follow one another, and those of the next process follow them."""
        sizes = self.sizes(rows)
        start = sum(sizes[: self.rank])
        return slice(start, start + sizes[self.rank])

    def gather(self, own: Num[Tensor, "own *axes"], rows: int) -> Num[Tensor, "rows *axes"]:
        """The rows of all processes, in order, on every one of them; gradients flow back (`GatherRows`).

        Args:
            own: what this process has made of its `own(rows)`.
            rows: of all processes together.
        """
        if self.size == 1:
            return own
        gathered: Tensor = GatherRows.apply(own, self.sizes(rows), self.rank)  # type: ignore[no-untyped-call]
        return gathered

    def gather_sized(self, own: Num[Tensor, "own *axes"], sizes: Sequence[int]) -> Num[Tensor, "rows *axes"]:
        """The rows of all processes where each has a number of its own; gradients flow back.

        Args:
            own: this process's rows.
            sizes: how many each process has, the same list on all of them.
        """
        if self.size == 1:
            return own
        gathered: Tensor = GatherRows.apply(own, sizes, self.rank)  # type: ignore[no-untyped-call]
        return gathered

    def largest(self, values: Sequence[int]) -> list[int]:
        """The largest value that any process gives, for each place in the list."""
        if self.size == 1:
            return list(values)
        largest = torch.tensor(values, dtype=torch.int64)
        distributed.all_reduce(largest, distributed.ReduceOp.MAX, self._host)
        return largest.tolist()

    def broadcast(self, text: str) -> str:
        """The text that the first process gives, on every one."""
        if self.size == 1:
            return text
        encoded = bytearray(text, "utf-8") if self.rank == 0 else bytearray()
        (length,) = self.largest([len(encoded)])
        message = torch.zeros(length, dtype=torch.uint8)
        message[: len(encoded)] = torch.frombuffer(encoded, dtype=torch.uint8) if encoded else 0
        distributed.broadcast(message, 0, self._host)
        return bytes(message.tolist()).decode()

    def collect(self, own: Num[Tensor, "*axes"]) -> list[Num[Tensor, "*axes"]]:
        """A tensor of every process, in the order of their ranks; of one shape, on the CPU."""
        if self.size == 1:
            return [own]
        collected = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(collected, own, self._host)
        return collected


ALONE = Processes()


class GatherRows(Function):
    """All processes' rows on every process, with an exact gradient.

    R processes hold copies of the same parameters w. Process r makes h_r = f(x_r; w) of its rows; H, the h_r one
    below the other, is gathered, and every process computes the same objective L(H, w), where w stands for what is
    read besides H: the item table. The required gradient is

        dL/dw = sum_r (dh_r/dw)^T G_r + L_w,   G = dL/dH, whose rows of process r are G_r; L_w = the direct part.

    Process r can compute (dh_r/dw)^T of its own rows alone, and all of L_w. After the backward pass the gradients
    are averaged over the processes (DistributedDataParallel). If the backward of this function gives c G_r, then
    what comes out is

        (1/R) sum_r [c (dh_r/dw)^T G_r + L_w] = (c/R) sum_r (dh_r/dw)^T G_r + L_w,

    the required gradient for c = R and no other factor anywhere: the objective is not scaled, and slices may be of
    uneven size, since nothing is a mean over a slice. c G_r is also what a backward that sums G_r over all
    processes (the transpose of a gather) would give; as G is the same on all of them, nothing needs to be sent.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: Sequence[int], rank: int) -> Tensor:
        """Gather: the slices are filled up to the longest, and cut again."""
        ctx.start, ctx.sizes, ctx.rank = sum(sizes[:rank]), sizes, rank
        filled = own.new_zeros(max(sizes), *own.shape[1:])
        filled[: len(own)] = own
        parts = [torch.empty_like(filled) for _ in sizes]
        distributed.all_gather(parts, filled)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """This process's rows of the gradient, as many times as there are processes."""
        own = gradient[ctx.start : ctx.start + ctx.sizes[ctx.rank]]
        return own * len(ctx.sizes), None, None
