"""The access key of the default account's root: how anybody gets in where requests are authenticated.

It is made at the first start with `--auth iam`, or taken from the environment, and lies in the data folder in the form
of AWS's credentials files, readable by its owner only.
"""

import configparser
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fogbank.core.cloud import AccessKey, Cloud
from fogbank.core.private_files import write_private

FILE = "credentials"
KEY_VARIABLE, SECRET_VARIABLE = "FOGBANK_ROOT_ACCESS_KEY_ID", "FOGBANK_ROOT_SECRET_ACCESS_KEY"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_KEY = re.compile(r"AKIA[A-Z0-9]{12,124}")


class RootKey(NamedTuple):
    access_key: str
    secret: str


class RootKeyUnusable(Exception):
    """The environment or the file gives no key; the message says what to do."""


def open_root_key(folder: Path, environment: Mapping[str, str]) -> RootKey:
    """The root key of a data folder: the environment's, that of the folder's file, or a new one, which is kept."""
    given, secret = environment.get(KEY_VARIABLE, ""), environment.get(SECRET_VARIABLE, "")
    if bool(given) != bool(secret):
        raise RootKeyUnusable(f"{KEY_VARIABLE} and {SECRET_VARIABLE} belong together: set both or none")
    if given and (_KEY.fullmatch(given) is None or len(secret) < 16):
        raise RootKeyUnusable(
            f"{KEY_VARIABLE} begins with AKIA and has 16 letters and digits or more, "
            f"{SECRET_VARIABLE} has 16 characters or more"
        )
    known = read_root_key(folder)
    key = RootKey(given, secret) if given else known or _made_up()
    if key != known:
        _write(folder / FILE, key)
    return key


def read_root_key(folder: Path) -> RootKey | None:
    """The key in the folder's file; None if there is none that may be read."""
    return read_credentials(folder / FILE)


def read_credentials(file: Path) -> RootKey | None:
    """The default key in a credentials file of AWS's form."""
    parser = configparser.ConfigParser()
    try:
        parser.read(file)
        section = parser["default"]
        return RootKey(section["aws_access_key_id"], section["aws_secret_access_key"])
    except (OSError, KeyError, configparser.Error):
        return None


def install_root_key(cloud: Cloud, key: RootKey) -> None:
    """Let the key in, and no other of the account's root that was there before."""
    arn = f"arn:aws:iam::{cloud.account}:root"
    wanted = AccessKey(cloud.account, arn, cloud.account, secret=key.secret)
    if cloud.access_keys.get((key.access_key,)) == wanted:
        return
    with cloud.store.transaction():
        for place, issued in list(cloud.access_keys.scan()):
            if issued.principal_arn == arn and not issued.session_token:
                cloud.access_keys.delete(place)
        cloud.access_keys.put((key.access_key,), wanted)
    cloud.store.flush()


def _made_up() -> RootKey:
    return RootKey("AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)), secrets.token_urlsafe(30))


def _write(file: Path, key: RootKey) -> None:
    text = f"[default]\naws_access_key_id = {key.access_key}\naws_secret_access_key = {key.secret}\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_private(file, text.encode())
