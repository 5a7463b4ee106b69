"""Imports TensorFlow without its start-up messages; a script imports this before anything that needs Keras."""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Some messages are written before that variable is read, so the import runs with the error stream held back.
sys.stderr.flush()
_screen = os.dup(2)
with tempfile.TemporaryFile() as _held:
    os.dup2(_held.fileno(), 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(_screen, 2)
        os.close(_screen)
