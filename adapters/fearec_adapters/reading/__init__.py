"""From bytes to the columns of a `fearec_cli.api.Log`: in batches, bounded in memory, every bad row named."""
