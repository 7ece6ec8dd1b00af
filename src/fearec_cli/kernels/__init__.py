"""The large operations of a model, one interface and several ways of computing them."""
