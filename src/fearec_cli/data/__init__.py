"""From an interaction log to the arrays that training and evaluation read.

`prepare` filters and numbers a log, `prepared` keeps the result on disk, `splits` says which
interactions are learned from and which are held out, `batches` pads and samples.
"""
