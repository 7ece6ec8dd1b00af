"""A look inside a trained model: frequencies, periods, branches, and who gains from them."""
