"""Computes on as many threads and processes as there can be, until it is ended."""

import os


def handler(inputs, platform):
    for _ in range(16):
        try:
            if os.fork() == 0:
                break
        except OSError:
            break
    number = 1
    while True:
        number = number * 3 % 1_000_003
