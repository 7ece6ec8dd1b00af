"""Our metrics of ranks beside metrics of sorted lists: from their definitions, and those of torchmetrics."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics import retrieval

from fearec_cli.evaluation.metrics import mean_average_precision, summarise
from reference import ranking_metrics


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 30))
def test_agrees_with_sorted_lists(seed: int, targets: int, n_items: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.permuted(np.arange(targets * n_items).reshape(targets, n_items), axis=1)  # no two are equal
    own = random.integers(0, n_items, targets)
    users = np.sort(random.integers(0, 4, targets))
    ranks = (scores >= scores[np.arange(targets), own][:, None]).sum(1)
    rankings = [[str(item) for item in np.argsort(-row)] for row in scores]
    cases = [(ranking, {str(item)}) for ranking, item in zip(rankings, own, strict=True)]
    for k in (1, 3, 10):
        found = summarise(ranks, [k])
        for name, metric in (
            ("HR", ranking_metrics.hit_rate),
            ("NDCG", ranking_metrics.ndcg),
            ("MRR", ranking_metrics.reciprocal_rank),
        ):
            assert found[f"{name}@{k}"] == pytest.approx(np.mean([metric(*case, k) for case in cases]), rel=1e-12)
        precisions = [ranking_metrics.average_precision(*case, k) for case in cases]
        of_users = [
            np.mean([value for value, of in zip(precisions, users, strict=True) if of == user]) for user in set(users)
        ]
        assert mean_average_precision(ranks, users, k) == pytest.approx(np.mean(of_users), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_torchmetrics_on_random_runs(seed: int) -> None:
    random = np.random.default_rng(seed)
    targets, n_items = 60, 40
    scores = torch.tensor(random.random((targets, n_items)))  # above 0: theirs drops what is not
    own = torch.tensor(random.integers(0, n_items, targets))
    relevant = torch.nn.functional.one_hot(own, n_items).bool()
    ranks = (scores >= scores[relevant][:, None]).sum(1).numpy()
    queries = torch.arange(targets)[:, None].expand(-1, n_items)
    for k in (1, 5, 10, 20):
        found = summarise(ranks, [k])
        found["MAP"] = mean_average_precision(ranks, np.arange(targets), k)
        for name, metric in (
            (f"HR@{k}", retrieval.RetrievalHitRate),
            (f"NDCG@{k}", retrieval.RetrievalNormalizedDCG),
            (f"MRR@{k}", retrieval.RetrievalMRR),
            ("MAP", retrieval.RetrievalMAP),
        ):
            expected = metric(top_k=k)(scores.flatten(), relevant.flatten(), indexes=queries.flatten())
            assert found[name] == pytest.approx(expected.item(), rel=1e-5)  # theirs is float32
