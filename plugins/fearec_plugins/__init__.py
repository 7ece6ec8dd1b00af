"""The project's own filters, attentions, fusions and losses, one a file, through the public API (`fearec_cli.api`)."""
