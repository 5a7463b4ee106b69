"""The pictures, by kind: arrays in, a Matplotlib figure out; no training, no files."""
