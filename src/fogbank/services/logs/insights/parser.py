"""From a query's text to its commands.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from collections.abc import Callable
from typing import TypeVar

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.numerals import whole_number
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.expressions import Expressions
from fogbank.services.logs.insights.lexer import Token
from fogbank.services.logs.insights.parse_patterns import glob_regex
from fogbank.services.logs.insights.syntax import (
    Command,
    Dedup,
    Display,
    Field,
    Fields,
    Filter,
    Item,
    Limit,
    Parse,
    Query,
    Sort,
    SortKey,
    Source,
    Stats,
    Unnest,
)

T = TypeVar("T")

COMMANDS_MAX = 100
SORT_KEYS_MAX = 20  # The engine takes ever longer to plan an order of more.
LIMIT_MAX = 100_000
PREFIXES_MAX = 5
_REFUSED = frozenset(
    ("anomaly", "diff", "join", "lookup", "pattern", "search", "tail", "unmask", "addtotals", "append", "eventstats")
)


def parse(text: str) -> Query:
    """Raises MalformedQuery, and NotImplemented for commands that are not there."""
    return _Parser(text).query()


class _Parser(Expressions):
    def query(self) -> Query:
        source = self._source() if self._takes_word("source") else None
        commands: list[Command] = []
        if source is not None and self.lexer.token.kind != "end":
            self._expect("|")
        while self.lexer.token.kind != "end" or not (commands or source):
            if commands:
                self._expect("|")
            commands.append(self._command())
            if len(commands) > COMMANDS_MAX:
                raise MalformedQuery(f"A query can have up to {COMMANDS_MAX} commands.")
        _check_behind_dedup(commands)
        return Query(tuple(commands), source, tuple(self.regexes))

    def _command(self) -> Command:
        token = self.lexer.token
        if token.word in _REFUSED:
            raise NotImplementedInFogbank(f"The command {token.text} of Logs Insights is not implemented in Fogbank.")
        read = self._commands().get(token.word)
        if read is None:
            raise self.lexer.unexpected()
        self.lexer.take()
        return read()

    def _commands(self) -> dict[str, Callable[[], Command]]:
        return {
            "fields": lambda: Fields(self._listed(self._item)),
            "display": lambda: Display(self._listed(self._item)),
            "filter": lambda: Filter(self.expression()),
            # It filters, whether the field has an index or not.
            "filterindex": lambda: Filter(self.expression()),
            "stats": self._stats,
            "sort": self._sort,
            "limit": self._limit,
            "parse": self._parse,
            "dedup": lambda: Dedup(self._listed(self._field)),
            "unnest": self._unnest,
        }

    # ---- commands -----------------------------------------------------------------------------------------------

    def _stats(self) -> Stats:
        items = self._listed(self._item)
        keys = self._listed(self._item) if self._takes_word("by") else ()
        return Stats(items, keys)

    def _sort(self) -> Sort:
        start = self.lexer.token.start
        keys = self._listed(self._sort_key)
        if len(keys) > SORT_KEYS_MAX:
            raise MalformedQuery(f"A query can sort by up to {SORT_KEYS_MAX} fields.", start, self.taken.end)
        return Sort(keys)

    def _sort_key(self) -> SortKey:
        expression = self.expression()
        if self._takes_word("desc"):
            return SortKey(expression, True)
        self._takes_word("asc")
        return SortKey(expression, False)

    def _limit(self) -> Limit:
        token = self.lexer.token
        count = whole_number(token.text)
        if token.kind != "number" or count is None:
            raise self.lexer.unexpected()
        if not 1 <= count <= LIMIT_MAX:
            raise MalformedQuery(f"The limit must be between 1 and {LIMIT_MAX}.", token.start, token.end)
        self.lexer.take()
        return Limit(count)

    def _parse(self) -> Parse:
        """The field is `@message` unless one is named."""
        start = self.lexer.token
        source = Field(("@message",), start)
        pattern = self.lexer.take_regex()
        if pattern is None and self.lexer.token.kind != "string":
            source = self._field()
            pattern = self.lexer.take_regex()
        if pattern is not None:
            regex, names = self.regex(pattern)
            given = self._aliases() if self._takes_word("as") else ()
            if not (names or given) or (given and len(given) != regex.groups):
                raise MalformedQuery("The regular expression must have a named group for each field.", pattern.start)
            return Parse(source, regex.text, given or names, pattern)
        glob = self._string()
        self._expect_word("as")
        names = self._aliases()
        if glob.value.count("*") != len(names):
            raise MalformedQuery("The number of wildcards does not match the number of fields.", glob.start, glob.end)
        return Parse(source, glob_regex(glob.value), names, glob)

    def _aliases(self) -> tuple[str, ...]:
        return self._listed(lambda: self._field().name)

    def _unnest(self) -> Unnest:
        token = self.lexer.token
        source = self.postfix()
        self._expect_word("into")
        return Unnest(source, self._field().name, token)

    def _source(self) -> Source:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Source.html"""
        given: dict[str, tuple[str, ...]] = {}
        token = self.lexer.token
        if token.word in ("datasource", "datasources"):
            raise NotImplementedInFogbank("Data sources of SOURCE are not implemented in Fogbank.")
        if not self._takes_word("loggroups"):
            raise self.lexer.unexpected()
        self._expect("(")
        while not self._takes(")"):
            if given:
                self._expect(",")
            key = self.lexer.token
            word = key.word
            if word == "tags":
                raise NotImplementedInFogbank("Tags in SOURCE are not implemented in Fogbank.")
            if word not in ("nameprefix", "accountidentifier", "accountidentifiers", "class", "loggroupclass"):
                raise self.lexer.unexpected()
            self.lexer.take()
            self._expect(":")
            given[word.removesuffix("s") if word.startswith("account") else word] = self._strings()
        prefixes = given.get("nameprefix", ())
        if len(prefixes) > PREFIXES_MAX:
            raise MalformedQuery(f"SOURCE takes up to {PREFIXES_MAX} name prefixes.", token.start, token.end)
        classes = given.get("class", given.get("loggroupclass", ("STANDARD",)))
        return Source(prefixes, classes[0].upper(), given.get("accountidentifier", ()))

    def _strings(self) -> tuple[str, ...]:
        if not self._takes("["):
            return (self._string().value,)
        values = self._listed(lambda: self._string().value)
        self._expect("]")
        return values

    # ---- pieces -------------------------------------------------------------------------------------------------

    def _item(self) -> Item:
        start = self.lexer.token
        expression = self.expression()
        written = self.lexer.text[start.start : self.taken.end]
        if self._takes_word("as"):
            alias = self._field()
            return Item(expression, alias.name, True, alias.token)
        name = expression.name if isinstance(expression, Field) else written
        return Item(expression, name, False, start)

    def _field(self) -> Field:
        token = self.lexer.token
        if token.kind != "name":
            raise self.lexer.unexpected()
        self._take()
        return Field(token.steps, token)

    def _listed(self, read: Callable[[], T]) -> tuple[T, ...]:
        values = [read()]
        while self._takes(","):
            values.append(read())
        return tuple(values)

    def _string(self) -> Token:
        if self.lexer.token.kind != "string":
            raise self.lexer.unexpected()
        return self._take()


def _check_behind_dedup(commands: list[Command]) -> None:
    behind = False
    for command in commands:
        if behind and not isinstance(command, Limit):
            raise MalformedQuery("The only command that can follow dedup is limit.")
        behind = behind or isinstance(command, Dedup)
