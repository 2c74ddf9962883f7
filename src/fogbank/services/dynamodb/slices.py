"""Work on all that a table has, as for a new index or a backup: a slice a turn behind the commits, until it is done."""

from fogbank.core.outbox import RetryPolicy

_YEAR_S = 365 * 86_400.0

# It is not given up: a table would stay half indexed, half sealed, or be copied for ever. What stops it for longer is a
# key of KMS that cannot be used, which may be usable again in a week.
UNTIL_DONE = RetryPolicy(attempts_max=10_000_000, delay_max_s=20.0, age_max_s=_YEAR_S)
