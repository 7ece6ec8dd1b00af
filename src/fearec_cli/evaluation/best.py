"""The best of many scores, the same on every machine: equal ones stand in the order of their rows."""

from jaxtyping import Float, Int
from torch import Tensor


def best_rows(scores: Float[Tensor, "B I"], k: int) -> tuple[Float[Tensor, "B K"], Int[Tensor, "B K"]]:
    """The k largest scores of each line and their rows, descending; of equal finite scores the lower row is first.

    torch's topk leaves open which of equal scores it takes, and in which order.
    """
    wider = min(k + 1, scores.shape[1])
    values, rows = scores.topk(wider, dim=1)
    # Lines in which the last score has equals beyond k: few, and sorted whole. Rows at -inf are never recommended, so
    # their order does not matter.
    last = values[:, k - 1]
    equal = (last == values[:, wider - 1]) & ~last.isneginf()
    doubtful = equal.nonzero()[:, 0] if wider > k else rows.new_empty(0)
    values, rows = values[:, :k], rows[:, :k]
    # Order within equal scores: by row, then stably by score.
    by_row = rows.argsort(dim=1)
    values, rows = values.gather(1, by_row), rows.gather(1, by_row)
    by_value = values.argsort(dim=1, descending=True, stable=True)
    values, rows = values.gather(1, by_value), rows.gather(1, by_value)
    for line in doubtful.tolist():
        order = scores[line].argsort(dim=0, descending=True, stable=True)[:k]
        values[line], rows[line] = scores[line, order], order
    return values, rows
