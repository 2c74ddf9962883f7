"""Takes its time."""

import time


def handler(inputs, platform):
    time.sleep(1.5)
    return {"discount": 0}
