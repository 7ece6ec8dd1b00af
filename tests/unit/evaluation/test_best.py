"""The best of many scores, beside a stable sort of all."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.evaluation.best import best_rows

SCORES = st.integers(1, 8).flatmap(
    lambda columns: st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0, float("-inf")]), min_size=columns, max_size=columns),
        min_size=1,
        max_size=5,
    )
)


@given(SCORES, st.data())
def test_equal_scores_stand_in_the_order_of_their_rows(lines: list[list[float]], data: st.DataObject) -> None:
    scores = torch.tensor(lines)
    k = data.draw(st.integers(1, scores.shape[1]))
    values, rows = best_rows(scores, k)
    for line, expected in enumerate(lines):
        order = sorted(range(len(expected)), key=lambda row: (-expected[row], row))[:k]
        finite = [row for row in order if expected[row] > float("-inf")]
        assert rows[line].tolist()[: len(finite)] == finite
        assert values[line].tolist() == [expected[row] for row in order]


@pytest.mark.parametrize("columns", [16 * 12, 16 * 12 + 1, 16 * 40 + 15])
@pytest.mark.parametrize("levels", [3, 40, 10**6])
def test_many_columns_are_looked_through_by_groups(columns: int, levels: int) -> None:
    scores = torch.randint(levels, (50, columns), generator=torch.Generator().manual_seed(columns)).float()
    scores[:5, 2:] = -torch.inf
    for k in (1, 2):
        values, rows = best_rows(scores, k)
        order = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
        assert torch.equal(rows, order)
        assert torch.equal(values, scores.gather(1, order))


def test_a_score_that_is_not_a_number_is_among_the_best_of_many() -> None:
    scores = torch.zeros(3, 16 * 12 + 3)
    scores[0, 5] = scores[1, -1] = torch.nan
    scores[2] = torch.nan
    assert best_rows(scores, 2)[0].isnan().any(1).tolist() == [True, True, True]
