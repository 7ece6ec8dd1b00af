"""What components are built from: their contracts, the projected signals of a layer, shared blocks."""
