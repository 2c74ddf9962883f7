"""The command `stats`: sums of batches, sums of these, and what they come to."""

from collections.abc import Callable

from fogbank.engines.sql.statement import Parameters
from fogbank.services.logs.insights.aggregates import aggregate, is_aggregate
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.steps import Step
from fogbank.services.logs.insights.syntax import Call, Field, Stats
from fogbank.services.logs.insights.values import Sql, scalar
from fogbank.services.logs.insights.writer import Writer


class Sums:
    """`batch` sums up rows, `merge` what it gave for several batches, `total` makes the columns of what that gave.

    The sums are p0, p1 and so on; `matched` counts the rows.
    """

    def __init__(
        self,
        command: Stats,
        rows: Writer,
        earlier: Callable[[Call], str],
        parameters: Parameters,
        *,
        now_s: int,
    ) -> None:
        self._rows = rows
        self._earlier = earlier
        self._kept: list[tuple[str, str]] = []
        self._totals: dict[str, Sql] = {}
        self.columns: dict[str, Sql] = {}
        """The columns by the names of the fields that they are."""
        self.keys: list[Sql] = []
        keys = [scalar(rows.write(key.expression)) for key in command.keys]
        for at, (item, key) in enumerate(zip(command.keys, keys, strict=True)):
            column = Sql(f"k{at}", key.type, simple=True)
            self.keys.append(column)
            self._totals[item.name] = self.columns[item.name] = column
        writer = Writer(parameters, self._field, self._no_timestamp, now_s=now_s, call=self._call)
        totals = []
        for at, item in enumerate(command.items):
            count = len(self._kept)
            total = writer.write(item.expression)
            if item.name in self.columns:
                raise MalformedQuery(
                    f"Ephemeral field {item.name} is already defined", item.token.start, item.token.end
                )
            if len(self._kept) == count and isinstance(item.expression, Field):
                raise _no_aggregate(item.token.text, item.token.start, item.token.end)
            totals.append(f"{total.text} AS t{at}")
            self._totals[item.name] = Sql(f"({total.text})", total.type)
            self.columns[item.name] = Sql(f"t{at}", total.type, simple=True)
        named = [column.text for column in self.keys]
        # By their places: the rows may have columns of the same names.
        grouped = f"GROUP BY {', '.join(str(at) for at in range(1, len(named) + 1)) or '()'}"
        written = [f"{key.text} AS {name}" for key, name in zip(keys, named, strict=True)]
        batches = [f"{batch} AS p{at}" for at, (batch, _) in enumerate(self._kept)]
        merges = [f"{merge} AS p{at}" for at, (_, merge) in enumerate(self._kept)]
        self.batch = Step(", ".join([*written, *batches, "count(*) AS matched"]), grouped)
        self.merge = Step(", ".join([*named, *merges, "sum(matched)::BIGINT AS matched"]), grouped)
        self.total = Step(", ".join([*named, *totals]), "WHERE matched > 0")

    def _call(self, node: Call) -> Sql | None:
        if not is_aggregate(node):
            return None
        found = aggregate(node, self._rows.write, self._earlier)
        names = [f"p{len(self._kept) + at}" for at in range(len(found.kept))]
        self._kept += [(kept.batch, kept.merge.format(*names)) for kept in found.kept]
        return Sql(found.total.format(*names), found.type)

    def _field(self, field: Field) -> Sql:
        """What stands outside of an aggregate function is a key, or something that was computed before."""
        found = self._totals.get(field.name)
        if found is None:
            raise _no_aggregate(field.name, field.token.start, field.token.end)
        return found

    def _no_timestamp(self, node: Call) -> Sql:
        raise _no_aggregate(node.token.text, node.token.start, node.token.end)


def _no_aggregate(name: str, start: int, end: int) -> MalformedQuery:
    return MalformedQuery(f"{name} is neither an aggregation nor one of the fields behind by.", start, end)
