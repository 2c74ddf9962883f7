"""A secret as DescribeSecret and ListSecrets show it, without its value."""

from typing import Any

from fogbank.core.tags import tag_list
from fogbank.services.secretsmanager.records import Rotation, Secret
from fogbank.services.secretsmanager.rotation_schedule import Window, days_between


def described(arn: str, name: str, secret: Secret) -> dict[str, Any]:
    rotation = secret.rotation
    optional = {
        "Description": secret.description,
        "KmsKeyId": secret.key_id,
        "RotationLambdaARN": rotation.function,
        "RotationRules": _shown_rules(rotation),
        "LastRotatedDate": rotation.last_ms / 1000,
        "LastAccessedDate": secret.accessed_ms / 1000,
        "DeletedDate": secret.deletion_ms / 1000,
        "NextRotationDate": rotation.window_ends_ms / 1000,
        "OwningService": secret.owner,
        "PrimaryRegion": secret.primary_region,
    }
    answer = {
        "ARN": arn,
        "Name": name,
        "CreatedDate": secret.created_ms / 1000,
        "LastChangedDate": secret.changed_ms / 1000,
    }
    if rotation.function:
        answer["RotationEnabled"] = rotation.enabled
    if secret.tags is not None:
        answer["Tags"] = tag_list(secret.tags)
    return answer | {member: value for member, value in optional.items() if value}


def _shown_rules(rotation: Rotation) -> dict[str, Any]:
    """A schedule also tells how many days it comes to."""
    if "ScheduleExpression" not in rotation.rules or not rotation.last_ms:
        return rotation.rules
    window = Window(rotation.scheduled_ms, rotation.window_ends_ms)
    return {**rotation.rules, "AutomaticallyAfterDays": days_between(rotation.rules, window)}
