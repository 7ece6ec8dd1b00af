"""The windows as the authors' released code computes them."""


def released_bins(bins: int, layer: int, n_layers: int, alpha: float) -> tuple[int, int]:
    """The bins [p, q) of a layer, in floating point as in the released code.

    Where alpha > 1 / L that code cuts the step between layers to a whole number first. With a single layer it divides
    by zero (`fearec_plugins.filters.window` keeps every bin then).
    """
    width = max(alpha, 1 / n_layers)
    wide = alpha > 1 / n_layers
    step = bins * (1 - alpha) // (n_layers - 1) if wide else (1 / n_layers) * bins
    return int(bins * (1 - width) - layer * step), int(bins - layer * step)
