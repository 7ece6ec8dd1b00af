"""From padded ids to representations: embedding, layers, encoder, and how they are built."""
