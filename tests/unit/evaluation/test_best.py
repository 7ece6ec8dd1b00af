"""The best of many scores, beside a stable sort of all."""

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
