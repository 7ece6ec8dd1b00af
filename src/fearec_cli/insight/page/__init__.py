"""The inspection and the report of a run as one self-contained HTML page, and in the terminal."""
