"""What can be plugged in: hooks, registry, options, expressions of names, contract violations."""
