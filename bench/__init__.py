"""Repeatable measurements of Fogbank, each beside its peers in the same run."""
