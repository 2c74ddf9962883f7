"""Three per cent off, five from a thousand on."""


def handler(inputs, platform):
    total = inputs["total"]
    discount = round(total * (0.05 if total >= 1000 else 0.03), 2)
    print(f"{discount} off {total}")
    return {"discount": discount}
