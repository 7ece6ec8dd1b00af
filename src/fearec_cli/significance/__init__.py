"""Statistics of results: intervals over seeds, paired differences over users, many comparisons; numbers alone."""
