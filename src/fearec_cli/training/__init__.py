"""Training: the objective, the loop, checkpoints and the record of a run."""
