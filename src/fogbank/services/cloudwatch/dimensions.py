"""Dimensions as one part of a key: sorted by name, so that their order in a request does not matter."""


def packed(dimensions: tuple[tuple[str, str], ...]) -> str:
    return "\x1e".join(f"{name}\x1f{value}" for name, value in dimensions)


def packed_list(dimensions: list[dict[str, str]] | None) -> str:
    if not dimensions:
        return ""
    return "\x1e".join(sorted([f"{one['Name']}\x1f{one['Value']}" for one in dimensions]))


def unpacked(text: str) -> list[dict[str, str]]:
    pairs = (part.partition("\x1f") for part in text.split("\x1e") if part)
    return [{"Name": name, "Value": value} for name, _, value in pairs]
