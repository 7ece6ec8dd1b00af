"""From padded ids to representations: embedding, layers, encoder, and the composition of parts."""
