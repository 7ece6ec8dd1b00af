"""Fused functions of several components."""
