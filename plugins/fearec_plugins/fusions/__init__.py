"""Heads that join branches."""
