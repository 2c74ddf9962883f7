# mypy: disable-error-code="import-not-found,union-attr"
"""The Python runtime as a program of its own, for functions whose wrapper script starts it. Standard library only."""

import os
import sys

import runtime

# The function may have modules of the same names.
del sys.path[0], sys.modules["runtime"]
sys.stdout.reconfigure(line_buffering=True)
sys.argv = ["bootstrap"]
runtime.serve(os.environ["_HANDLER"])
