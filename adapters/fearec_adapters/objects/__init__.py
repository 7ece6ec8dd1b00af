"""JSON to rows: the objects of a file, names that reach into them, and columns."""
