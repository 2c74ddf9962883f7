"""Asks the platform, with credentials of its own, for what is another tenant's."""


def handler(inputs, platform):
    record = inputs["target"]["record"]
    for name in (record, f"../{record}", f"..%2F{record}", f"{inputs['target']['tenant']}/{record}"):
        try:
            if platform.get(name)["value"] == inputs["target"]["value"]:
                return {"result": {"breached": True, "seen": name}}
        except RuntimeError:
            continue
    return {"result": {"breached": False, "seen": "nothing of another tenant"}}
