"""Published claims: what was claimed, how it is tried here, and what came of it."""
