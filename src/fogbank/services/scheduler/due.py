"""When a schedule is due next.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from datetime import tzinfo

from fogbank.core import schedule as expressions
from fogbank.services.scheduler.errors import Invalid
from fogbank.services.scheduler.records import Schedule


def zone_of(name: str) -> tzinfo:
    zone = expressions.zone_of(name)
    if zone is None:  # The sentence is not recorded.
        raise Invalid(f"Invalid Schedule Expression Timezone {name}.")
    return zone


def is_one_time(expression: str) -> bool:
    return expression.startswith("at(")


def check_expression(expression: str, timezone: str) -> None:
    if not expressions.is_schedule(expression, zone_of(timezone)):
        raise Invalid(f"Invalid Schedule Expression {expression}.")


def next_due_ms(schedule: Schedule, after_ms: int) -> int | None:
    """The first due time after that moment; None if there is none. The expression has been checked."""
    return expressions.due_after(
        schedule.expression,
        zone_of(schedule.timezone),
        after_ms,
        made_ms=schedule.created_ms,
        start_ms=schedule.start_ms,
        end_ms=schedule.end_ms,
    )
