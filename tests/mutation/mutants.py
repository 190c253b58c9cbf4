"""Generates the mutants of a C source for mutate.py, by a small lexer and a parser of statements.

A mutant is the text of the file with one change. Left alone are: asserts, which no test can reach through correct
code; sizes of arrays and types; preprocessor lines; `case` labels; `(void)name;`; the 0 of `{0}`. A condition that is one
`==`, `!=` or `!` is negated once, by its operator.
"""
import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"(?P<skip>\s+|/\*.*?\*/|//[^\n]*|^[ \t]*#(?:\\\n|[^\n])*)"
    r"|(?P<id>[A-Za-z_]\w*)"
    r"|(?P<num>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*(?![\w.]))"
    r'|(?P<chr>\'(?:\\.|[^\'\\])+\')|(?P<str>"(?:\\.|[^"\\])*")'
    r"|(?P<op>->|\+\+|--|<<=|>>=|\.\.\.|[-+*/%&|^=!<>]=|&&|\|\||<<|>>|.)",
    re.DOTALL | re.MULTILINE,
)
OPERATORS = {
    "<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
    "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="], "++": ["--"], "--": ["++"], "/": ["*"], "%": ["/"],
    "<<": [">>"], ">>": ["<<"], "|": ["&"], "^": ["&"], "!": [""], "~": [""],
}  # fmt: skip
BINARY_ONLY = {"+": ["-"], "-": ["+"], "*": ["/"], "&": ["|"]}
UNARY_ONLY = {"-": [""]}
WORDS = {"true": "false", "false": "true"}
HEADED = ("if", "while", "for", "switch")
PAIRS = {"(": ")", "[": "]", "{": "}"}
TYPE_WORDS = {"const", "static", "struct", "enum", "unsigned", "int", "char", "bool", "void", "size_t", "double", "long"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Statement:
    kind: str  # an entry of HEADED, or: declaration, expression, return, jump
    first: int  # tokens, both included
    last: int
    function: "Function"
    tail: bool  # stands in the function's outermost block


@dataclass(frozen=True)
class Function:
    name: str
    type: tuple  # of what it returns, as words
    first: int  # its braces
    last: int


@dataclass(frozen=True)
class Mutant:
    line: int
    function: str
    before: str  # the first line that changed, blanks collapsed
    after: str
    text: str


def tokens_of(source):
    return [
        Token(match.lastgroup, match.group(), match.start(), match.end())
        for match in TOKEN.finditer(source)
        if match.lastgroup != "skip"
    ]


class Source:
    """One C file, and the ranges of its tokens that may be changed."""

    def __init__(self, text):
        self.text = text
        self.tokens = tokens_of(text)
        self.match = self._pairs()
        self.functions = self._functions()
        self.statements = []
        for function in self.functions:
            self._block(function.first, function, True)
        self.left_alone = self._left_alone()

    def _pairs(self):
        match, stack = {}, []
        for index, token in enumerate(self.tokens):
            if token.kind == "op" and token.text in PAIRS:
                stack.append(index)
            elif token.kind == "op" and token.text in PAIRS.values():
                opener = stack.pop()
                match[opener], match[index] = index, opener
        return match

    def word(self, index):
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def _functions(self):
        found, index, begin = [], 0, 0
        while index < len(self.tokens):
            if self.word(index) == "{" and self.word(index - 1) == ")":
                name = self.match[index - 1] - 1
                words = tuple(token.text for token in self.tokens[begin:name])
                found.append(Function(self.word(name), words, index, self.match[index]))
            if self.word(index) in PAIRS:
                index = self.match[index]
            index += 1
            if self.word(index - 1) in (";", "}"):
                begin = index
        return found

    def _block(self, index, function, tail):
        index += 1
        while self.word(index) != "}":
            index = self._statement(index, function, tail)
        return index + 1

    def _simple(self, index, function, tail, kind):
        last = index
        while self.word(last) != ";":
            last = self.match[last] + 1 if self.word(last) in PAIRS else last + 1
        self.statements.append(Statement(kind, index, last, function, tail))
        return last + 1

    def _statement(self, index, function, tail):
        word = self.word(index)
        if word == "{":
            return self._block(index, function, False)
        if word in HEADED:
            close = self.match[index + 1]
            self.statements.append(Statement(word, index, close, function, tail))
            return self._statement(close + 1, function, False)
        if word == "else":
            return self._statement(index + 1, function, False)
        if word == "do":
            index = self._statement(index + 1, function, False)
            self.statements.append(Statement("while", index, self.match[index + 1], function, tail))
            return self.match[index + 1] + 2
        if word in ("case", "default"):
            while self.word(index) != ":":
                index += 1
            return index + 1
        if word in ("return", "break", "continue"):
            return self._simple(index, function, tail, "return" if word == "return" else "jump")
        return self._simple(index, function, tail, "declaration" if self._declares(index) else "expression")

    def _declares(self, index):
        if self.word(index) in TYPE_WORDS:
            return True
        if self.tokens[index].kind != "id":
            return False
        after = index + 1
        while self.word(after) == "*":
            after += 1
        return self.tokens[after].kind == "id"

    def _range(self, first, last):
        return range(first, last + 1)

    def _left_alone(self):
        alone = set()
        for index, token in enumerate(self.tokens):
            if token.text in ("assert", "static_assert", "sizeof") and self.word(index + 1) == "(":
                alone.update(self._range(index, self.match[index + 1]))
            if token.text == "case":
                alone.update(self._range(index, index + 1))
        for statement in self.statements:
            if statement.kind == "declaration":
                alone.update(self._declared_part(statement.first, statement.last))
        inside = set()
        for function in self.functions:
            inside.update(self._range(function.first, function.last))
        alone.update(index for index in self._file_scope(inside))
        return alone

    def _declared_part(self, first, last):
        """Type, name and sizes: all that stands before the `=`."""
        index = first
        while index <= last and self.word(index) != "=":
            yield index
            index += 1

    def _file_scope(self, inside):
        """Outside functions only what stands behind a `=` may be changed: tables and the values of enums."""
        index, given = 0, False
        while index < len(self.tokens):
            word = self.word(index)
            if index not in inside:
                if word == "=":
                    given = True
                elif word == ";" or (word == "," and not self._in_table(index)):
                    given = False
                if not given:
                    yield index
            index += 1

    def _in_table(self, index):
        """Whether the innermost brace around this token follows a `=`."""
        while index >= 0:
            if self.word(index) in PAIRS.values():
                index = self.match[index]
            elif self.word(index) == "{":
                return self.word(index - 1) in ("=", ")", ",", "{")
            index -= 1
        return False


class Planter:
    """Makes the mutants of one source."""

    def __init__(self, text):
        self.source = Source(text)
        self.found = {}

    def plant(self, start, end, replacement):
        """Replaces text[start:end], keeping the number of lines, on which asserts depend."""
        source = self.source
        lost = source.text.count("\n", start, end)
        text = source.text[:start] + replacement + "\n" * lost + source.text[end:]
        self.edit(start, text)

    def edit(self, at, text):
        before, after = self.source.text, text
        line = next(i for i, (a, b) in enumerate(zip(before.split("\n"), after.split("\n"))) if a != b)
        function = ""
        for each in self.source.functions:
            if self.source.tokens[each.first].start <= at <= self.source.tokens[each.last].end:
                function = each.name
        self.found.setdefault(
            text,
            Mutant(
                line + 1,
                function,
                " ".join(before.split("\n")[line].split()),
                " ".join(after.split("\n")[line].split()),
                text,
            ),
        )

    def wrap(self, first, last, prefix, suffix):
        """Puts prefix and suffix around tokens."""
        start, end = self.source.tokens[first].start, self.source.tokens[last].end
        text = self.source.text
        self.edit(start, text[:start] + prefix + text[start:end] + suffix + text[end:])

    def replace(self, first, last, replacement):
        self.plant(self.source.tokens[first].start, self.source.tokens[last].end, replacement)

    def operand_before(self, index):
        token = self.source.tokens[index - 1]
        if token.kind == "id":
            return token.text not in ("return", "case", "sizeof")
        return token.kind in ("num", "chr", "str") or token.text in (")", "]")

    def operators(self, index):
        token = self.source.tokens[index]
        if token.text == "*" and self.source.word(index + 1) == ")":
            return []  # a cast
        if token.text in OPERATORS:
            return OPERATORS[token.text]
        if self.operand_before(index):
            return BINARY_ONLY.get(token.text, [])
        return UNARY_ONLY.get(token.text, [])

    def constants(self, index):
        token = self.source.tokens[index]
        if token.text == "0" and self.source.word(index - 1) == "{":
            return []
        if token.kind == "num":
            digits = token.text.rstrip("uUlL")
            return [str(int(digits, 0) + 1) + token.text[len(digits) :]]
        if token.kind == "chr":
            return [f"({token.text} + 1)"]
        return [WORDS[token.text]] if token.text in WORDS else []

    def plant_tokens(self):
        for index, token in enumerate(self.source.tokens):
            if index in self.source.left_alone:
                continue
            changes = self.operators(index) if token.kind == "op" else self.constants(index)
            for change in changes:
                self.replace(index, index, change)
            if token.kind == "op" and token.text == "?":
                self.plant_choice(index)
            if token.text in (".", "[") and self.source.word(index - 1) in ("{", ","):
                self.plant_initialiser(index)

    def negate(self, first, last):
        words = [self.source.word(i) for i in range(first, last + 1)]
        if not {"&&", "||", "?"} & set(words) and ({"==", "!="} & set(words) or words[0] == "!"):
            return
        self.wrap(first, last, "!(", ")")

    def plant_choice(self, index):
        """Negates what stands before `?`."""
        first = index - 1
        while True:
            word = self.source.word(first)
            if word in PAIRS.values():
                first = self.source.match[first]
            elif word in (*PAIRS, "=", "return", ",", ";", ":", "?"):
                break
            first -= 1
        self.negate(first + 1, index - 1)

    def plant_initialiser(self, index):
        """Leaves out one `.name = value`."""
        last = index
        while self.source.word(last) not in (",", "}"):
            last = self.source.match[last] + 1 if self.source.word(last) in PAIRS else last + 1
        if any(self.source.word(i) == "=" for i in range(index, last)):
            self.replace(index, last if self.source.word(last) == "," else last - 1, "")

    def plant_statements(self):
        for statement in self.source.statements:
            if statement.first in self.source.left_alone and statement.kind != "declaration":
                continue
            if statement.kind == "expression":
                self.plant_removal(statement)
            elif statement.kind == "jump":
                self.replace(statement.first, statement.last, ";")
            elif statement.kind == "return":
                self.plant_return(statement)
            elif statement.kind in ("if", "while"):
                self.negate(statement.first + 2, statement.last - 1)

    def plant_removal(self, statement):
        words = [self.source.word(i) for i in range(statement.first, statement.last)]
        if words[:3] != ["(", "void", ")"] or len(words) > 4:
            self.replace(statement.first, statement.last, ";")

    def plant_return(self, statement):
        first, last = statement.first + 1, statement.last - 1
        if not statement.tail:
            self.replace(statement.first, statement.last, ";")
        if first > last:
            return
        value = " ".join(self.source.word(i) for i in range(first, last + 1))
        kind = statement.function.type
        if "*" in kind:
            if value != "NULL":
                self.replace(first, last, "NULL")
        elif "bool" in kind:
            if value not in WORDS:
                self.negate(first, last)
        elif "struct" not in kind:
            self.replace(first, last, "1" if value == "0" else "0")


def mutants_of(text):
    planter = Planter(text)
    planter.plant_tokens()
    planter.plant_statements()
    return sorted(planter.found.values(), key=lambda mutant: mutant.line)
