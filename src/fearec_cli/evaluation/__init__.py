"""From scores to numbers that can be compared: ranks, then metrics, then a report.

`ranks` alone knows ties and masks, `metrics` are pure functions of one rank vector, `evaluate` runs a
scorer over a split, and `report` shows both protocols side by side.
"""
