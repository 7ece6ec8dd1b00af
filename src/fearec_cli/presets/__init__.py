"""Published models as data: one TOML file each."""
