"""The gallery: a page for each program in examples/, made of its docstring, its picture or output, and its source.

A program is a file that runs by itself; what others import from is left out.  Its picture is the file in docs whose
name is its own, its output the one in docs/outputs, which `docs/pictures.py examples` writes.  So a new example gets
its page by being there.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
OUTPUTS = DOCS / "outputs"
MARK = "<!-- gallery -->"
GROUPS = {"ports": "Ports: programs of other libraries' tutorials, written anew"}


@dataclass(frozen=True)
class Example:
    """A program: its file, what its docstring says, and where its page and picture are."""

    file: Path
    title: str
    command: str
    text: str

    @property
    def group(self):
        """The folder below examples, as a path; "" is examples itself."""
        folder = self.file.parent.relative_to(EXAMPLES).as_posix()
        return "" if folder == "." else folder

    @property
    def name(self):
        """What its page, its picture and its output are called."""
        return "_".join([*self.group.split("/"), self.file.stem]).strip("_")

    @property
    def picture(self):
        """The file in docs, or None."""
        path = DOCS / f"{self.name}.png"
        return path if path.exists() else None

    @property
    def output(self):
        """What it prints, or None."""
        path = OUTPUTS / f"{self.name}.txt"
        return path.read_text(encoding="utf-8") if path.exists() else None


def runs(tree):
    """Whether a file is a program: it has a main part, or prints as it is read."""
    for node in tree.body:
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            return True
        if isinstance(node, (ast.Expr, ast.For)) and any(getattr(n, "id", "") == "print" for n in ast.walk(node)):
            return True
    return False


def read(file):
    """The example in a file, or None if it is no program."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    if not runs(tree):
        return None
    first, *rest = (ast.get_docstring(tree) or "").split("\n\n")
    if not first:
        raise ValueError(f"{file} has no docstring, which would be its title")
    title, _, more = " ".join(first.split()).partition(": ")
    commands = [part.strip() for part in rest if part.strip().startswith("python ")]
    text = [part for part in rest if part.strip() not in commands]
    if more:
        text.insert(0, more[0].upper() + more[1:])
    command = "\n".join(re.sub("^ +", "", c, flags=re.M) for c in commands)
    return Example(file, title.rstrip("."), command or f"python {file.relative_to(EXAMPLES.parent)}", "\n\n".join(text))


def examples():
    """All programs of examples/ and its folders, those of examples/ itself first."""
    found = [read(file) for file in sorted(EXAMPLES.rglob("*.py")) if "__pycache__" not in file.parts]
    return sorted((e for e in found if e), key=lambda e: (e.group, e.file.name))


def markdown(text):
    """A docstring's prose: stars of shapes are no emphasis, options and files are code."""
    text = re.sub(r"(?<![\w`])\*(?=\w)", r"\\*", text)
    return re.sub(r"(?<![\w`-])(--\w[\w-]*|(?:\w+/)+\w+\.\w+)(?![\w`])", r"`\1`", text)


def page(example):
    """The Markdown of an example's page, in docs/examples."""
    parts = [f"# {example.title}", f"```sh\n{example.command}\n```"]
    if example.text:
        parts.append(markdown(example.text))
    if example.picture:
        parts.append(f"![{example.title}](../{example.picture.name})")
    if example.output:
        parts.append(f"It prints:\n\n```text\n{example.output.rstrip()}\n```")
    source = f"../../{example.file.relative_to(EXAMPLES.parent).as_posix()}"
    parts.append(f"## The program\n\n```{{literalinclude}} {source}\n:language: python\n```")
    return "\n\n".join(parts) + "\n"


def card(example):
    """The example's place in the gallery: picture or some lines of output, title, first lines of the docstring."""
    link = f"examples/{example.name}.md"
    if example.picture:
        face = f"[![{example.title}]({example.picture.name})]({link})"
    elif example.output:
        lines = [re.sub(r"[,;] \[\d+\] .*", "", line) for line in example.output.splitlines()]  # without the device
        lines = lines if len(lines) <= 9 else [*lines[:3], "...", *lines[-5:]]
        face = "\n".join(["```text", *lines, "```"])
    else:
        face = ""
    sentences = re.split(r"(?<=[.?!]) +(?=[A-Z])", " ".join(example.text.split("\n\n")[0].split()))
    while len(sentences) > 1 and len(" ".join(sentences)) > 250:
        sentences.pop()
    about = markdown(" ".join(sentences))
    body = "\n\n".join(p for p in (f"[{example.title}]({link})", face, about) if p)
    return f":::{{container}} card\n{body}\n:::"


def gallery():
    """The cards of all examples, by folder, and the toctree of their pages."""
    found, parts = examples(), []
    for group in dict.fromkeys(e.group for e in found):
        cards = "\n\n".join(card(e) for e in found if e.group == group)
        heading = f"## {GROUPS.get(group, group)}\n\n" if group else ""
        parts.append(f"{heading}::::{{container}} cards\n{cards}\n::::")
    tree = "\n".join(f"{e.name.replace('_', ' ')} <examples/{e.name}>" for e in found)
    return "\n\n".join([*parts, f"```{{toctree}}\n:hidden:\n\n{tree}\n```"])


def write(folder):
    """Puts the pages into docs/examples; a page stays as it is if nothing changed, and goes with its example."""
    folder.mkdir(exist_ok=True)
    pages = {f"{e.name}.md": page(e) for e in examples()}
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
