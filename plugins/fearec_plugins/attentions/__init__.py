"""Branches of a layer."""
