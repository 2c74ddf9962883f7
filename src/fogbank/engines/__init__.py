"""Heavy work behind small interfaces: one folder per engine."""
