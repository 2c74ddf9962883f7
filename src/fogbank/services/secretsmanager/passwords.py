"""Random passwords. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html"""

import secrets
import string

from fogbank.services.secretsmanager.errors import InvalidParameter, InvalidRequest

LENGTH_DEFAULT = 32


def random_password(
    *,
    length: int = LENGTH_DEFAULT,
    exclude: str = "",
    numbers: bool = True,
    punctuation: bool = True,
    uppercase: bool = True,
    lowercase: bool = True,
    space: bool = False,
    each_type: bool = True,
) -> str:
    """A password of the wanted types of characters, of each of them at least one if `each_type`."""
    kinds = [
        (lowercase, string.ascii_lowercase),
        (uppercase, string.ascii_uppercase),
        (numbers, string.digits),
        (punctuation, string.punctuation),
        (space, " "),
    ]
    alphabets = ["".join(each for each in alphabet if each not in exclude) for wanted, alphabet in kinds if wanted]
    if not any(alphabets):  # AWS's sentence is not recorded.
        raise InvalidRequest("The password can't be generated: all characters are excluded.")
    if each_type and not all(alphabets):  # AWS's sentence is not recorded.
        raise InvalidRequest("The password can't be generated: all characters of a required type are excluded.")
    required = alphabets if each_type else []
    if length < len(required):
        raise InvalidParameter(f"Password length {length} is too short based on the required types.")
    drawn = [secrets.choice(alphabet) for alphabet in required]
    every = "".join(alphabets)
    drawn += [secrets.choice(every) for _ in range(length - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)
