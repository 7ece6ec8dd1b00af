"""Results beside one another: listed with what differs between their settings, and compared user by user."""
