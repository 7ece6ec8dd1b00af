"""A search for the settings that validate best. The test split cannot be reached from it."""
