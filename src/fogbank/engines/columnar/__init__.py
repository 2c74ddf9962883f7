"""Files whose rows lie column by column: the interface, Hive's types, and the embedded engine, Apache Arrow."""
