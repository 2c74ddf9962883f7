"""Templates: text with references and directives in it."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.apigateway.vtl.errors import TemplateError, Unsupported
from fogbank.services.apigateway.vtl.expressions import Reference, Scanner, Variables
from fogbank.services.apigateway.vtl.values import ArrayList, to_text, truth

# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
ITERATIONS_MAX = 1000  # of one #foreach
TEMPLATE_BYTES_MAX = 300 * 1024
# What all loops of a template may do together: nested ones must not hold up the server.
STEPS_MAX = 200_000
OUTPUT_MAX = 10 * 1024 * 1024
_NESTED_MAX = 50

_DIRECTIVE = re.compile(r"#(?:\{([a-z]+)\}|([a-z]+))")
_MISSING = ("macro", "parse", "include", "evaluate", "define")
_SPACE_BEFORE_SET = re.compile(r"[ \t]*(?=#(?:set|\{set\})[ \t]*\()")
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
_PLAIN = re.compile(r"[^$#\\]+")


class _Run:
    """One rendering: what was written, and how much there may still be to do."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.out: list[str] = []
        self.length = 0
        self.steps = 0

    def write(self, text: str) -> None:
        self.length += len(text)
        if self.length > OUTPUT_MAX:
            raise TemplateError("the template's output is too long")
        self.out.append(text)

    def step(self) -> None:
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise TemplateError("the template has too much to do")


class _Stop(Exception):
    pass


class _Break(Exception):
    pass


Part = Callable[[_Run], None]


class Template:
    """A parsed template. Raises TemplateError if it cannot be read."""

    def __init__(self, text: str) -> None:
        parser = _Parser(text)
        self._parts = parser.block(ends=())

    def render(self, variables: Variables) -> str:
        """The text; `variables` may be changed by `#set`. Raises TemplateError."""
        run = _Run(variables)
        with suppress(_Stop):
            _render(self._parts, run)
        return "".join(run.out)


@lru_cache(512)
def parsed(text: str) -> Template:
    return Template(text)


def check_template(text: str | None) -> None:
    """Raises NotImplemented for a template that uses what is not there. What cannot be read fails when it is used, as
    on AWS.
    """
    if not text:
        return
    try:
        parsed(text)
    except Unsupported as error:
        raise NotImplementedInFogbank(f"Mapping templates in Fogbank do not implement {error}.") from None
    except TemplateError:
        return


def _render(parts: list[Part], run: _Run) -> None:
    for part in parts:
        run.step()
        part(run)


class _Parser:
    def __init__(self, text: str) -> None:
        self._scanner = Scanner(text)
        self._text = text
        self._nested = 0
        self.ended_by = ""

    def block(self, ends: tuple[str, ...]) -> list[Part]:
        """The parts up to one of the directives in `ends` (which is taken), or the text's end if there are none."""
        self._nested += 1
        if self._nested > _NESTED_MAX:
            raise TemplateError("the template is nested too deeply")
        parts: list[Part] = []
        scanner = self._scanner
        while scanner.at < len(self._text):
            if (plain := scanner.match(_PLAIN)) is not None:
                if self._text.startswith("#", scanner.at) and (kept := self._before_set(plain)) is not None:
                    plain = kept
                parts.append(_text(plain))
            elif self._text.startswith("$", scanner.at):
                parts.append(self._reference())
            elif self._text.startswith("\\", scanner.at):
                parts.append(self._escaped())
            else:
                name = self._directive_name()
                if name in ends:
                    self._take_directive()
                    self.ended_by = name
                    self._nested -= 1
                    return parts
                parts.append(self._directive(name))
        if ends:
            raise TemplateError(f"#{ends[-1]} is missing")
        self._nested -= 1
        return parts

    def _before_set(self, plain: str) -> str | None:
        """A `#set` takes the blanks before it on its line."""
        blanks = len(plain) - len(plain.rstrip(" \t"))
        begin = self._scanner.at - blanks
        return plain[: len(plain) - blanks] if _SPACE_BEFORE_SET.match(self._text, begin) else None

    def _reference(self) -> Part:
        reference = self._scanner.reference()
        if reference is None:
            self._scanner.at += 1
            return _text("$")
        return lambda run: run.write(to_text(reference(run.variables)))

    def _escaped(self) -> Part:
        scanner = self._scanner
        scanner.at += 1
        if self._text[scanner.at : scanner.at + 1] in ("$", "#") and self._text[scanner.at : scanner.at + 1]:
            scanner.at += 1
            return _text(self._text[scanner.at - 1])
        return _text("\\")

    def _directive_name(self) -> str:
        match = _DIRECTIVE.match(self._text, self._scanner.at)
        return "" if match is None else match[1] or match[2]

    def _take_directive(self) -> None:
        match = _DIRECTIVE.match(self._text, self._scanner.at)
        assert match is not None
        self._scanner.at = match.end()

    def _directive(self, name: str) -> Part:
        scanner = self._scanner
        if scanner.take("##"):
            end = self._text.find("\n", scanner.at)
            scanner.at = len(self._text) if end < 0 else end + 1
            return _text("")
        if scanner.take("#*"):
            return self._skip_to("*#", "")
        if scanner.take("#[["):
            return self._skip_to("]]#", None)
        match name:
            case "set":
                return self._set()
            case "if":
                return self._if()
            case "foreach":
                return self._foreach()
            case "stop":
                self._take_directive()
                return _stop
            case "break":
                self._take_directive()
                return _break
            case _ if name in _MISSING:
                raise Unsupported(f"#{name}")
            case _:
                scanner.at += 1
                return _text("#")

    def _skip_to(self, end: str, instead: str | None) -> Part:
        begin = self._scanner.at
        found = self._text.find(end, begin)
        if found < 0:
            raise TemplateError(f"{end} is missing")
        self._scanner.at = found + len(end)
        return _text(self._text[begin:found] if instead is None else instead)

    def _close(self) -> None:
        """The bracket at a directive's end takes the rest of its line, if that is blank."""
        self._scanner.demand(")")
        self._scanner.match(_LINE_END)

    def _set(self) -> Part:
        self._take_directive()
        scanner = self._scanner
        scanner.demand("(")
        scanner.space()
        target = scanner.reference() if self._text.startswith("$", scanner.at) else None
        if not isinstance(target, Reference):
            raise TemplateError("#set has no reference to set")
        scanner.demand("=")
        value = scanner.expression()
        self._close()
        return lambda run: target.assign(run.variables, value(run.variables))

    def _if(self) -> Part:
        branches: list[tuple[Callable[[Variables], Any], list[Part]]] = []
        otherwise: list[Part] = []
        self._take_directive()
        while True:
            self._scanner.demand("(")
            condition = self._scanner.expression()
            self._close()
            parts = self.block(ends=("elseif", "else", "end"))
            branches.append((condition, parts))
            if self.ended_by == "else":
                self._scanner.match(_LINE_END)
                otherwise = self.block(ends=("end",))
            if self.ended_by == "end":
                self._scanner.match(_LINE_END)
                break

        def render(run: _Run) -> None:
            for condition, parts in branches:
                if truth(condition(run.variables)):
                    _render(parts, run)
                    return
            _render(otherwise, run)

        return render

    def _foreach(self) -> Part:
        self._take_directive()
        scanner = self._scanner
        scanner.demand("(")
        scanner.space()
        each = scanner.reference() if self._text.startswith("$", scanner.at) else None
        if each is None or each.steps:
            raise TemplateError("#foreach has no variable")
        scanner.demand("in")
        source = scanner.expression()
        self._close()
        parts = self.block(ends=("end",))
        scanner.match(_LINE_END)
        name = each.name

        def render(run: _Run) -> None:
            items = _items(source(run.variables))
            variables = run.variables
            outer = {key: variables[key] for key in (name, "foreach", "velocityCount") if key in variables}
            for index, item in enumerate(items):
                if index == ITERATIONS_MAX:
                    raise TemplateError(f"#foreach goes on for more than {ITERATIONS_MAX} rounds")
                run.step()
                variables[name] = item
                variables["velocityCount"] = index + 1
                variables["foreach"] = {
                    "index": index,
                    "count": index + 1,
                    "hasNext": index + 1 < len(items),
                    "first": index == 0,
                    "last": index + 1 == len(items),
                    "parent": outer.get("foreach"),
                }
                try:
                    _render(parts, run)
                except _Break:
                    break
            for key in (name, "foreach", "velocityCount"):
                variables.pop(key, None)
            variables.update(outer)

        return render


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return ArrayList(value.values())
    return value if isinstance(value, list) else []


def _text(text: str) -> Part:
    return lambda run: run.write(text)


def _stop(run: _Run) -> None:
    raise _Stop


def _break(run: _Run) -> None:
    raise _Break
