"""From scores to numbers that can be compared: ranks, then metrics, then a report.

`ranks` alone knows ties and masks, `metrics` are pure functions of one rank vector, `evaluate` runs a
scorer over a split, `intervals` says how much of a number is the draw of users, `baselines` what has to be
beaten, and `report` puts it together, which `shown` prints.
"""
