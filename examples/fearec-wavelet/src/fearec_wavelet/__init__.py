"""Haar wavelets for fearec: the filter `haar-wavelet` and the loss `wavelet-sparsity`."""
