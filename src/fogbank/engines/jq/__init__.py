"""JQ, the language of queries on JSON: the interface, and the library in a process of its own."""
