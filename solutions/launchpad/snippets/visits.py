"""Counts a customer's visits in the platform's records."""


def handler(inputs, platform):
    record = f"visits/{inputs['customer']}"
    visits = (platform.get(record)["value"] or 0) + 1
    platform.put(record, visits)
    print(f"visit {visits} of {inputs['customer']}")
    return {"visits": visits}
