"""From Liquid to segments: a short program of static text, values, loops and conditions.

The program is JSON, so that it can be frozen. Static lines are quoted-printable already; a line that holds a value is
kept as parts and encoded once per member. What cannot be expressed raises `CannotBeFast`, and the slow renderer takes over.

    ["s", encoded lines]   ["l", parts]   ["for", name, path, nodes, nodes when empty]   ["if", [[condition, nodes], …], nodes]

A part is text, `{"v": path, "f": filters}`, `{"for": …}` or `{"if": …}`; inside a line, loops and conditions hold parts.
"""

from liquid import BoundTemplate
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions import logical as logic
from liquid.builtin.expressions import primitive as literal
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode

from emails.fields import FIELDS, OFFER, OFFER_SLOTS
from emails.quoted import encode_text
from emails.templating import ALL_FILTERS

LOOP_WORDS = {"index": "number", "index0": "number", "first": "flag", "last": "flag"}


class CannotBeFast(Exception):
    """The template is correct, but uses something only the slow renderer knows; the message says what."""


def program(template: BoundTemplate, *, encoded: bool) -> list:
    """Compile a parsed template. `encoded` lays it out in quoted-printable lines; without it the result is plain parts."""
    parts = _Reader().parts(template.nodes)
    return _layout(parts) if encoded else parts


class _Reader:
    """Reads Liquid's tree into parts. Knows the names of the loops it stands in."""

    def __init__(self):
        self.loops: dict[str, str] = {}

    def parts(self, nodes) -> list:
        out: list = []
        for node in nodes:
            piece = self._part(node)
            if isinstance(piece, str) and out and isinstance(out[-1], str):
                out[-1] += piece
            elif piece != "":
                out.append(piece)
        return out

    def _part(self, node):
        if isinstance(node, ContentNode):
            return node.text
        if isinstance(node, CommentNode):
            return ""
        if isinstance(node, OutputNode):
            return self._value(node.expression)
        if isinstance(node, ForNode):
            return self._loop(node)
        if isinstance(node, IfNode | UnlessNode):
            return self._condition(node)
        raise CannotBeFast(f"{{% {node.token.value.split(' ')[0]} %}}")

    def _value(self, expression):
        if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
            raise CannotBeFast(f"{{{{ {expression} }}}}")
        path = self._path(expression.left)
        if self._kind(path) == "offers":
            raise CannotBeFast(f"{{{{ {expression} }}}}")
        return {"v": path, "f": [self._filter(f) for f in expression.filters or ()]}

    @staticmethod
    def _filter(f):
        if f.name not in ALL_FILTERS or len(f.args) > 1:
            raise CannotBeFast(str(f))
        return [f.name, *(_literal(argument.value) for argument in f.args)]

    def _path(self, path: Path) -> list[str]:
        if not all(isinstance(step, str) for step in path.path) or len(path.path) > 2:
            raise CannotBeFast(str(path))
        return list(path.path)

    def _kind(self, path: list[str]) -> str:
        """What a path leads to; a name nobody knows is empty text."""
        head, *rest = path
        if head in self.loops and self.loops[head] in OFFER_SLOTS:
            return next((f.kind for f in OFFER if [f.name] == rest), "text")
        if head == "forloop":
            if self.loops and rest and rest[0] in LOOP_WORDS:
                return LOOP_WORDS[rest[0]]
            raise CannotBeFast(".".join(path))
        if rest:  # .size, .first and the like
            raise CannotBeFast(".".join(path))
        return FIELDS[head].kind if head in FIELDS else "text"

    def _loop(self, node: ForNode):
        loop = node.expression
        if loop.limit or loop.offset or loop.reversed or not isinstance(loop.iterable, Path):
            raise CannotBeFast(f"{{% for {loop} %}}")
        path = self._path(loop.iterable)
        if self._kind(path) != "offers" or loop.identifier in self.loops:
            raise CannotBeFast(f"{{% for {loop} %}}")
        self.loops[loop.identifier] = path[0]
        body = self.parts(node.block.nodes)
        del self.loops[loop.identifier]
        return {"for": [loop.identifier, path, body, self.parts(node.default.nodes) if node.default else []]}

    def _condition(self, node):
        first = self._test(node.condition.expression)
        if isinstance(node, UnlessNode):
            first = ["not", first]
        branches = [[first, self.parts(node.consequence.nodes)]]
        branches += [
            [self._test(other.expression.expression), self.parts(other.block.nodes)] for other in node.alternatives
        ]
        return {"if": [branches, self.parts(node.default.nodes) if node.default else []]}

    def _test(self, expression) -> list:
        if isinstance(expression, Path):
            return ["is", self._path_of_test(expression)]
        for kind, name in ((logic.LogicalAndExpression, "and"), (logic.LogicalOrExpression, "or")):
            if isinstance(expression, kind):
                return [name, self._test(expression.left), self._test(expression.right)]
        for kind, name in _COMPARISONS.items():
            if isinstance(expression, kind):
                return self._comparison(name, expression)
        raise CannotBeFast(f"{{% if {expression} %}}")

    def _path_of_test(self, expression):
        path = self._path(expression)
        self._kind(path)
        return path

    def _comparison(self, name, expression):
        if not isinstance(expression.left, Path):
            raise CannotBeFast(f"{{% if {expression} %}}")
        path = self._path(expression.left)
        other = _literal(expression.right)
        fits = int if self._kind(path) == "number" else str
        if name not in ("==", "!=") and (not isinstance(other, fits) or isinstance(other, bool)):
            raise CannotBeFast(f"{{% if {expression} %}}")
        return [name, path, other]


_COMPARISONS = {
    logic.EqExpression: "==",
    logic.NeExpression: "!=",
    logic.LtExpression: "<",
    logic.LeExpression: "<=",
    logic.GtExpression: ">",
    logic.GeExpression: ">=",
}


def _literal(expression):
    """A constant as JSON; `blank` and `empty` as one-word lists."""
    if isinstance(expression, literal.Blank):
        return ["blank"]
    if isinstance(expression, literal.Empty):
        return ["empty"]
    if isinstance(expression, literal.StringLiteral):
        return str(expression.value)
    if isinstance(expression, literal.IntegerLiteral | literal.TrueLiteral | literal.FalseLiteral):
        return expression.value
    raise CannotBeFast(str(expression))


# -- from parts to lines -----------------------------------------------------------------------------------------------


def _ends_a_line(parts: list) -> bool:
    """Whether whatever these parts give ends with a line break, or is nothing at all."""
    if not parts:
        return True
    last = parts[-1]
    if isinstance(last, str):
        return last.endswith("\n")
    if "for" in last:
        return _ends_a_line(last["for"][2]) and _ends_a_line(last["for"][3]) and _ends_a_line(parts[:-1])
    if "if" in last:
        branches, otherwise = last["if"]
        return all(_ends_a_line(p) for _, p in branches) and _ends_a_line(otherwise) and _ends_a_line(parts[:-1])
    return False


class _Lines:
    """Collects whole lines: static ones together and encoded, dynamic ones as parts."""

    def __init__(self):
        self.nodes: list = []
        self.static = ""
        self.line: list = []

    def add(self, part):
        if isinstance(part, str):
            for piece in part.splitlines(keepends=True):
                self.line.append(piece)
                if piece.endswith("\n"):
                    self.end_line()
        elif "v" not in part and not self.line and _ends_a_line([part]):
            self.end_static()
            self.nodes.append(_block(part))
        else:
            self.line.append(part)

    def end_line(self):
        if all(isinstance(piece, str) for piece in self.line):
            self.static += "".join(self.line)
        else:
            self.end_static()
            self.nodes.append(["l", self.line])
        self.line = []

    def end_static(self):
        if self.static:
            self.nodes.append(["s", encode_text(self.static)])
        self.static = ""


def _layout(parts: list) -> list:
    lines = _Lines()
    for part in parts:
        lines.add(part)
    lines.end_line()
    lines.end_static()
    return lines.nodes


def _block(part: dict) -> list:
    if "for" in part:
        name, path, body, otherwise = part["for"]
        return ["for", name, path, _layout(body), _layout(otherwise)]
    branches, otherwise = part["if"]
    return ["if", [[test, _layout(body)] for test, body in branches], _layout(otherwise)]
