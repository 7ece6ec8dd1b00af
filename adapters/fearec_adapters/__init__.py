"""First-party sources of data, one a module. They know `fearec_cli.api` and `fearec_cli.errors` alone."""
