"""What `fearec new-plugin` writes: texts with `$placeholders`, read by `fearec_cli.cli.commands.new_plugin`."""
