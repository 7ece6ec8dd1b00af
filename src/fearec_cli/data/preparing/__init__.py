"""From a log to a prepared data set."""
