"""kill -9 under load: what was acknowledged is still there after the restart."""
