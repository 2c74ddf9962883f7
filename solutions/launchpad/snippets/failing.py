"""Fails, each time."""


def handler(inputs, platform):
    raise ValueError(f"no discount for {inputs['total']}")
