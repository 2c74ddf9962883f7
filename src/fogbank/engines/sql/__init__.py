"""SQL over files and over values that a service hands in: the interface and the embedded engine, DuckDB."""
