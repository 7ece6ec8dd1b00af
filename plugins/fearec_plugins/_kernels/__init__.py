"""Functions that have a plain and a fast form, shared by several components."""
