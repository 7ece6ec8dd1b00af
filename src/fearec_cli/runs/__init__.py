"""The files of a run: directory, checkpoint, state, records."""
