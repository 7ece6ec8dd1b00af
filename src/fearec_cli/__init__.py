"""Frequency-enhanced sequential recommendation: a toolkit around FEARec (Du et al., SIGIR 2023)."""
