# mypy: disable-error-code="import-not-found,union-attr"
"""The Python runtime as a program of its own, for functions whose wrapper script starts it. Standard library only."""

import os
import sys

import runtime

sys.path.append(os.path.join(sys.path[0], "bundled"))
# The function may have modules of the same names as those beside this one.
del sys.path[0], sys.modules["runtime"]
sys.stdout.reconfigure(line_buffering=True)
sys.argv = ["bootstrap"]
runtime.serve(os.environ["_HANDLER"])
