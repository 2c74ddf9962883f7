"""What a password must have, by the account's policy or by IAM's own where there is none.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

import re
from typing import Any

from fogbank.services.iam.errors import PasswordPolicyViolation

LENGTH_MIN = 8
KINDS_MIN = 3  # of the four, where the account has no policy of its own
KINDS = {
    "RequireSymbols": ("symbol", re.compile(r"[!@#$%^&*()_+\-=\[\]{}|']")),
    "RequireNumbers": ("number", re.compile(r"[0-9]")),
    "RequireUppercaseCharacters": ("uppercase letter", re.compile(r"[A-Z]")),
    "RequireLowercaseCharacters": ("lowercase letter", re.compile(r"[a-z]")),
}


def check_password(password: str, policy: dict[str, Any]) -> None:
    length = policy.get("MinimumPasswordLength", LENGTH_MIN)
    if len(password) < length:
        raise PasswordPolicyViolation(f"Password should have a minimum length of {length}")
    missing = {setting: name for setting, (name, kind) in KINDS.items() if kind.search(password) is None}
    for setting, name in missing.items():
        if policy.get(setting):
            raise PasswordPolicyViolation(f"Password should have at least one {name}")
    if not policy and len(KINDS) - len(missing) < KINDS_MIN:
        # AWS's sentence is not published.
        raise PasswordPolicyViolation(
            f"Password should have at least {KINDS_MIN} of: {', '.join(name for name, _ in KINDS.values())}"
        )
