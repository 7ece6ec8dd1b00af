"""Memory, files and processes of the machine."""
