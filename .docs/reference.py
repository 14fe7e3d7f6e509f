"""The reference as Markdown pages, read from the sources without importing them.

The public names of a package are those of its `__init__.pyi`; those of a plain module are what it
defines without an underscore. Signatures are shown as they are written, without `Annotated`.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SECTIONS = ("Args", "Returns", "Yields", "Raises", "Attributes", "Example", "Examples")
BESIDE = ("jaxgan.parallel.global_batch", "jaxgan.runs.disk.checkpoint")
"""Modules that no list names, but whose functions are for users too."""
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class Entry(NamedTuple):
    """A public name.

    Attributes:
      name: as it is imported, without the module.
      origin: the full name where it is defined.
      kind: "function", "class" or "data".
      signature: its parameters in parentheses; empty for data.
      text: its docstring.
      fields: names and help texts of the fields that declare one.
    """

    name: str
    origin: str
    kind: str
    signature: str
    text: str
    fields: list[tuple[str, str]]


# --- Where a name is defined


def source(module: str) -> Path:
    """The file of a module."""
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def body(file: Path) -> list[ast.stmt]:
    """The statements of a file."""
    return ast.parse(file.read_text()).body


def absolute(node: ast.ImportFrom, module: str) -> str:
    """The module that an import in a package's stub names."""
    return ".".join(filter(None, (module, node.module))) if node.level else node.module or ""


def bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, without those that it imports."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        targets = [each for target in node.targets for each in ast.walk(target)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def exported(module: str) -> dict[str, str]:
    """The public names of a module, with the module that defines or re-exports each."""
    stub = source(module).with_suffix(".pyi")
    if not stub.exists():
        names = [name for node in body(source(module)) for name in bound(node)]
        return {name: module for name in names if not name.startswith("_")}
    return {
        alias.asname or alias.name: absolute(node, module)
        for node in body(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of the package."""
    return source(name).exists()


class Defined(NamedTuple):
    """A definition, its docstring and the module it is in."""

    node: Definition
    text: str
    module: str


def definition(module: str, name: str) -> Defined | None:
    """The statement that defines a name which a module has or imports from the package."""
    if source(module).with_suffix(".pyi").exists() and name in exported(module):
        return definition(exported(module)[name], name)
    statements = body(source(module))
    for node, after in zip(statements, [*statements[1:], None], strict=True):
        if name in bound(node):
            return Defined(node, documentation(node, after), module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jaxgan"):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return definition(node.module, alias.name)
    return None


def documentation(node: ast.stmt, after: ast.stmt | None) -> str:
    """The docstring of a definition; that of an assignment is the string after it."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return ast.get_docstring(node) or ""
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        return inspect.cleandoc(after.value.value)
    return ""


# --- What is shown of it


class _Plain(ast.NodeTransformer):
    """`Annotated[T, ...]` becomes `T`."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.value).endswith("Annotated") and isinstance(node.slice, ast.Tuple):
            return node.slice.elts[0]
        return node


def shown(node: ast.AST) -> str:
    """The source of an annotation or a default, for a signature."""
    return ast.unparse(_Plain().visit(ast.parse(ast.unparse(node), mode="eval").body))


def function_signature(node: ast.FunctionDef, skip: int = 0) -> str:
    """The parameters of a function and what it returns."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # a copy
    positional = arguments.posonlyargs or arguments.args
    del positional[:skip]
    arguments = _Plain().visit(arguments)
    returns = f" -> {shown(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}"


def own_fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    """The fields that a class declares."""
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    return [each for each in fields if not shown(each.annotation).startswith("ClassVar")]


def all_fields(node: ast.ClassDef, module: str) -> dict[str, ast.AnnAssign]:
    """The fields of a class and of its bases in the package."""
    fields: dict[str, ast.AnnAssign] = {}
    for base in node.bases:
        found = definition(module, ast.unparse(base).split("[")[0])
        if found and isinstance(found.node, ast.ClassDef):
            fields |= all_fields(found.node, found.module)
    return fields | {ast.unparse(field.target): field for field in own_fields(node)}


def class_signature(node: ast.ClassDef, module: str) -> str:
    """The parameters of a class's constructor."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name in ("__init__", "__new__"):
            return function_signature(each, skip=1)
    parts = []
    for name, field in all_fields(node, module).items():
        default = f" = {shown(field.value)}" if field.value else ""
        parts.append(f"{name}: {shown(field.annotation)}{default}")
    return f"({', '.join(parts)})" if parts else ""


def declared_help(node: ast.ClassDef) -> list[tuple[str, str]]:
    """Fields with a `Setting("Help text.")`, and these texts."""
    found = []
    for field in own_fields(node):
        for call in ast.walk(field.annotation):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Setting" and call.args:
                found.append((ast.unparse(field.target), ast.literal_eval(call.args[0])))
    return found


def entries(module: str) -> list[Entry]:
    """The public names of a module but for modules, in the order of its list."""
    found = []
    for name, home in exported(module).items():
        at = None if is_module(f"{home}.{name}") else definition(home, name)
        if at is None:
            continue
        node, text, origin = at
        if not text and isinstance(node, ast.Assign):
            text = f"`{ast.unparse(node.value)}`"
        elif not text and isinstance(node, ast.AnnAssign):
            text = f"`{shown(node.annotation)}`"
        signature, fields, kind = "", [], "data"
        if isinstance(node, ast.FunctionDef):
            kind, signature = "function", function_signature(node)
        elif isinstance(node, ast.ClassDef):
            kind, signature = "class", class_signature(node, origin)
            fields = declared_help(node)
        found.append(Entry(name, f"{origin}.{name}", kind, signature, text, fields))
    return found


# --- Docstrings as Markdown


def prose(line: str, link) -> str:
    """A line of a docstring: signs of Markdown are escaped, code and links stay what they are."""
    parts = re.split(r"(`[^`]+`|https?://[^\s,)>]+)", line)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = re.sub(r"([*<$\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", part)
        elif part.startswith("http"):
            address = part.rstrip(".;:")
            parts[i] = f"<{address}>{part[len(address) :]}"
        elif part.startswith("`"):
            parts[i] = link(part[1:-1])
    return "".join(parts)


def paragraphs(lines: list[str], link) -> Iterator[str]:
    """Lines of Markdown; examples become blocks of code."""
    code = False
    for line in lines:
        if line.lstrip().startswith(">>> ") and not code:
            code = True
            yield from ("```pycon", line)
        elif code and not line.strip():
            code = False
            yield from ("```", "")
        else:
            yield line if code or line.startswith("    ") else prose(line, link)
    if code:
        yield "```"


def items(lines: list[str], link) -> Iterator[str]:
    """The entries of `Args:` and the like as a list."""
    for line in lines:
        name, colon, text = line.partition(":")
        if line.startswith(" ") or not line.strip() or not colon:
            yield "  " + prose(line.strip(), link)
        else:
            yield f"- `{name}`: {prose(text.strip(), link)}"


def markdown(text: str, link) -> str:
    """A docstring in Google's style as Markdown."""
    heading, block, out = "", [], []

    def close() -> None:
        if not heading:
            out.extend(paragraphs(block, link))
            return
        layout = items if heading in ("Args", "Raises", "Attributes") else paragraphs
        inner = [line.removeprefix("  ") for line in block]
        out.extend(["", f"**{heading}**", "", *layout(inner, link), ""])

    for line in text.splitlines():
        found = re.fullmatch(rf"({'|'.join(SECTIONS)}):", line)
        if found or (heading and line and not line.startswith(" ")):
            close()
            heading, block = (found.group(1) if found else ""), []
        if not found:
            block.append(re.sub(r"^Source: ", "\nSource: ", line))
    close()
    return "\n".join(out)


# --- Pages


def linker(module: str, places: dict[str, str]):
    """Turns code into a link if it is a public name, first of the module itself."""

    def link(code: str) -> str:
        name = code.removesuffix("()")
        for full in (f"{module}.{name}", name, f"jaxgan.{name}"):
            if full in places:
                return f"{{py:obj}}`{code} <{places[full]}>`"
        return f"`{code}`"

    return link


@cache
def formulas() -> dict[str, str]:
    """The formulas of `formulas.md`, by the full names of what they define."""
    _, *parts = re.split(r"^## ", (Path(__file__).parent / "formulas.md").read_text(), flags=re.M)
    split = [part.split("\n", 1) for part in parts]
    return {name: formula.strip() for name, formula in split}


def described(entry: Entry, module: str, link) -> list[str]:
    """The directive of a name: the first line of its docstring, its formula, the others."""
    lines = ["", f":::::{{py:{entry.kind}}} {entry.name}{entry.signature}", ""]
    first, _, rest = entry.text.partition("\n\n")
    formula = formulas().get(f"{module}.{entry.name}", "")
    lines += [markdown(first, link), "", formula, "", markdown(rest, link)]
    if entry.fields:
        lines += ["", "**Attributes**", ""]
        lines += [f"- `{name}`: {prose(text, link)}" for name, text in entry.fields]
    return [*lines, ":::::"]


def module_text(module: str) -> str:
    """The docstring of a module."""
    return ast.get_docstring(ast.parse(source(module).read_text())) or ""


def purpose(module: str) -> str:
    """The first paragraph of a module's docstring, as Markdown without links."""
    first = module_text(module).split("\n\n")[0]
    return prose(" ".join(first.split()), "`{}`".format)


def page(module: str, places: dict[str, str]) -> str:
    """The page of a module: its docstring, a table of its names, and those that are told here."""
    link, found = linker(module, places), entries(module)
    text = module_text(module)
    lines = [f"# {module}", "", f"```{{py:module}} {module}", "```", "", markdown(text, link), ""]
    if found:
        lines += ["| Name | |", "|---|---|"]
    for entry in found:
        first = prose(" ".join(entry.text.split("\n\n")[0].split()), link).replace("|", "\\|")
        lines.append(f"| {{py:obj}}`{entry.name} <{places[f'{module}.{entry.name}']}>` | {first} |")
    for entry in found:
        if places[f"{module}.{entry.name}"] == f"{module}.{entry.name}":
            lines += described(entry, module, link)
    return "\n".join(lines) + "\n"


def public_modules() -> list[str]:
    """The package, the modules that it names and theirs; then other packages with a list."""
    found, new = ["jaxgan"], ["jaxgan"]
    while new:
        inner = [f"{home}.{name}" for module in new for name, home in exported(module).items()]
        new = [name for name in inner if is_module(name) and name not in found]
        found += new
    stubs = [stub.parent.relative_to(ROOT) for stub in (ROOT / "jaxgan").rglob("__init__.pyi")]
    listed = sorted(".".join(stub.parts) for stub in stubs)
    return [*found, *(name for name in (*listed, *BESIDE) if name not in found)]


def told_at(modules: list[str]) -> dict[str, str]:
    """Where each public name is described: at the first of the modules that have it."""
    first: dict[str, str] = {}
    places = {module: module for module in modules}
    for module in modules:
        for entry in entries(module):
            full = f"{module}.{entry.name}"
            places[full] = first.setdefault(entry.origin, full)
    return places


def write(folder: Path) -> list[str]:
    """Writes a page per public module; returns the names of the modules."""
    modules = public_modules()
    places = told_at(modules)
    folder.mkdir(parents=True, exist_ok=True)
    for module in modules:
        (folder / f"{module}.md").write_text(page(module, places))
    return modules
