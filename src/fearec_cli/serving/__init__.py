"""A trained model at work: recommendations for histories that training never saw."""
