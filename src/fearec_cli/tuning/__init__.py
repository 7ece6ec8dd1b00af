"""A search for the settings that validate best. Nothing of the test part can be reached from it."""
