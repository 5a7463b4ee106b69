"""Histograms and distances, their recording over training, and the comparison with a reference."""
