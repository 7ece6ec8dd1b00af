"""Training: the objective, the step, the loop, and what follows a run."""
