"""`python -m fearec_cli`: the `fearec` command."""

from fearec_cli.cli.main import main

main()
