"""Writing expressions: for what is asked in another form (PartiQL, the legacy parameters) and means the same."""

from fogbank.services.dynamodb.expressions.bindings import Bindings, Path, bind
from fogbank.services.dynamodb.values import Item, Value


class ExpressionWriter:
    """Gives the names and values of expressions their placeholders; `bindings` says what these stand for."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: Item = {}

    def path(self, path: Path) -> str:
        text = ""
        for step in path:
            if isinstance(step, int):
                text += f"[{step}]"
            else:
                text += f"{'.' if text else ''}{self._name(step)}"
        return text

    def value(self, value: Value) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def bindings(self) -> Bindings:
        """The bindings of what was written since the last call."""
        names, self._names = self._names, {}
        values, self._values = self._values, {}
        return bind(names or None, values or None)

    def _name(self, name: str) -> str:
        placeholder = f"#n{len(self._names)}"
        self._names[placeholder] = name
        return placeholder
