"""Which values a trial gets: of the seed, the trial's number, and the trials before it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class NumberedSampler(BaseSampler):
    """A tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) that begins anew for each trial.

    One that goes on would give the same values to two processes that begin together, and others to a search that was
    cut and goes on.

    Args:
        seed: of the search.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._of_trial = TPESampler()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin anew."""
        state = np.random.SeedSequence([self._seed, trial.number]).generate_state(1)
        self._of_trial = TPESampler(seed=int(state[0]))
        self._of_trial.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the estimator does."""
        return self._of_trial.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the estimator does."""
        return self._of_trial.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the estimator does."""
        return self._of_trial.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """As the estimator does."""
        self._of_trial.after_trial(study, trial, state, values)
