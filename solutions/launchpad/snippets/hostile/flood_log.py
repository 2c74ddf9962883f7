"""Prints without end."""

LINE = "x" * 1_000


def handler(inputs, platform):
    for _ in range(20_000):
        print(LINE)
    return {"result": {"breached": False, "seen": "20 MB printed"}}
