"""Garbage is accepted or refused, nothing else: no 500, no hang, no state changed by what was refused."""
