"""The operations of Lambda's API, a file for each of its subjects."""
