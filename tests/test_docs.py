"""The documentation holds: its examples run, and its tables list what there is."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import grilly_vk
import grilly_vk.snn
from grilly_vk.cli.kernel_uses import installed
from grilly_vk.runtime.kernels import SPIRV, SUMS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SHADERS = ROOT / "shaders"
# A fenced block with its language, and the comment before it: "<!-- not run -->" or "<!-- file: PATH -->".
BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
ROW = re.compile(r"^\| `([^`]+)`(.*)$", re.M)

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not part of an installed package")


def blocks(page, language):
    """(note, text) of the page's blocks in that language."""
    text = page.read_text(encoding="utf-8")
    return [(m["note"] or "", m["text"]) for m in BLOCK.finditer(text) if m["language"] == language]


def rows(page):
    """First cell and rest of the rows whose first cell is code."""
    return ROW.findall((DOCS / page).read_text(encoding="utf-8"))


@pytest.fixture
def run(snippet, tmp_path):
    """Runs Python source in an empty folder, with warnings as errors, and returns what it printed."""

    def go(source):
        begin = "import os, sys, warnings\nos.chdir(sys.argv[1])\nwarnings.simplefilter('error')\n"
        return snippet(begin + source, tmp_path, timeout=120).out

    return go


def python(page):
    """The page's Python blocks, one after the other as a reader would paste them."""
    return "\n".join(text for note, text in blocks(page, "python") if not note)


MADE = {DOCS / "_build", DOCS / "examples"}  # by a build
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in DOCS.rglob("*.md") if not MADE & set(p.parents)),
]
EXAMPLES = [
    pytest.param(page, id=page.relative_to(ROOT).as_posix())
    for page in PAGES
    if python(page) and page.parent.name != "tutorial"  # test_tutorial.py runs these
]


@pytest.mark.parametrize("page", EXAMPLES)
def test_examples_run(page, run):
    """A page's Python blocks run without a warning."""
    if page.name == "mpi.md":
        pytest.importorskip("mpi4py", reason="the page is about mpi4py, which is not installed")
    run(python(page))


def test_the_first_examples_print_what_they_promise(run):
    """The two examples on the first page: finite numbers, and the shape of the spikes."""
    activity, shape = run(python(DOCS / "index.md")).splitlines()
    spikes, rate = map(float, activity.split())
    assert 0 < spikes == pytest.approx(rate * 512 * 50)
    assert shape == "(256,)"


def test_environment_table_is_complete():
    """docs/environment.md lists exactly the GRILLY_VK_* names of the sources."""
    files = [p for folder in ("grilly_vk", "tools") for p in (ROOT / folder).rglob("*") if p.is_file()]
    sources = [p for p in files if p.suffix in ("", ".py", ".sh") and "__pycache__" not in p.parts]
    used = {name for p in sources for name in re.findall(r"GRILLY_VK_[A-Z_]*[A-Z]", p.read_text(encoding="utf-8"))}
    listed = [name for name, _ in rows("environment.md") if name.startswith("GRILLY_VK_")]
    assert sorted(listed) == sorted(used)


def test_kernel_table_is_complete():
    """docs/kernels.md lists exactly the shaders, with their variants, and every method of VulkanCompute().snn."""
    listed = rows("kernels.md")
    sources = {p.stem: p.read_text("utf-8") for p in SHADERS.rglob("*.glsl") if p.parent.name != "include"}
    assert sorted(name for name, _ in listed) == sorted(sources)
    for name, rest in listed:
        wide, _, call = (cell.strip() for cell in rest.strip(" |").split(" | "))
        assert wide == ("yes" if "// variants: vec4" in sources[name] else "no"), name
        assert call, name
    text = (DOCS / "kernels.md").read_text(encoding="utf-8")
    unlisted = [m for m in dir(grilly_vk.snn.SNN) if not m.startswith("_") and f"`snn.{m}`" not in text]
    assert not unlisted, f"not in docs/kernels.md: {unlisted}"


def test_kernel_table_names_calls_that_launch():
    """The public calls of docs/kernels.md are among those that the code has (`info --kernels` lists all of them)."""
    uses = installed()
    short = (("grilly_vk.functional.", "F."), ("grilly_vk.Tensor", "Tensor"), ("grilly_vk.optim.", "optim."))
    for name, rest in rows("kernels.md"):
        reached = uses.reached_by(name)
        for call in re.findall(r"`([\w.]+)`", rest.strip(" |").split(" | ")[2]):
            for long, wanted in short:
                call = call.replace(long, wanted) if call.startswith(long) else call
            assert any(f"{found}.".startswith(f"{call}.") for found in reached), (
                f"docs/kernels.md names {call}, which does not launch {name}; these do: {uses.of(name)[:8]}"
            )


WORKED = """
import importlib.util, sys
from pathlib import Path

import pytest

import grilly_vk.ops
from grilly_vk.runtime import engine

engine().kernels.folder = Path("spirv")
for path in Path("grilly_vk/ops").glob("*.py"):
    spec = importlib.util.spec_from_file_location(f"grilly_vk.ops.{path.stem}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
sys.path.insert(0, str(Path("tests/helpers").resolve()))
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests"]))
"""


def test_worked_example(run, tmp_path):
    """The kernels, ops, test and record of docs/add_a_kernel.md, put where the page says, build and pass."""
    glslc = shutil.which("glslc")
    if glslc is None:
        pytest.skip("glslc is not installed, as it would be to build the package")
    page = DOCS / "add_a_kernel.md"
    shutil.copytree(SPIRV, tmp_path / "spirv")
    for note, text in blocks(page, "glsl") + blocks(page, "python"):
        path = tmp_path / note.removeprefix("file: ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("test_ops.py", "helpers/op_table.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    with (tmp_path / "spirv" / SUMS).open("a") as sums:
        for source in sorted((tmp_path / "shaders").glob("*.glsl")):
            for suffix, more in (("", ()), (".vec4", ("-DVEC=4",))):
                target = tmp_path / "spirv" / f"{source.stem}{suffix}.spv"
                options = ["-fshader-stage=compute", "--target-env=vulkan1.1", "-Werror", "-I", SHADERS / "include"]
                subprocess.run([glslc, *options, *more, "-o", target, source], check=True)
                sums.write(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target.name}\n")
    # 4 of the rates; of softsign's record: names, coverage, 4 forward, 3 gradients, a change, 4 layouts, bits, error.
    assert "20 passed" in run(WORKED)


def test_sources_are_named_by_their_titles():
    """No docstring and no page speaks of a numbered document, which its readers don't have."""
    folders = [ROOT / name for name in ("grilly", "grilly_vk", "examples", "shaders", "docs")]
    files = [p for f in folders for ext in ("py", "md", "glsl") for p in f.rglob(f"*.{ext}") if "_build" not in p.parts]
    numbered = [p.name for p in [ROOT / "README.md", *files] if re.search(r"[Dd]ocuments? 00\d", p.read_text("utf-8"))]
    assert len(files) > 300 and not numbered


def test_files_that_are_named_exist():
    """Relative links and pictures lead to files of the checkout."""
    link = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)")
    targets = [(page, target) for page in PAGES for target in link.findall(page.read_text(encoding="utf-8"))]
    assert len(targets) > 100
    broken = [f"{p.relative_to(ROOT)}: {target}" for p, target in targets if not (p.parent / target).exists()]
    assert not broken, "\n".join(broken)


def test_places_that_contributors_are_sent_to_exist():
    """Files, folders and commands that CONTRIBUTING.md names in code, and the names that it says stand in them."""
    text = re.sub(r"```.*?```", "", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.S)
    named = set(re.findall(r"`((?:grilly_vk|shaders|tests|tools|docs|native|\.ci)/[^\s`]*)", text))
    assert len(named) > 25
    missing = [path for path in sorted(named) if not any(ROOT.glob(path))]
    assert not missing, "\n".join(missing)
    constants = set(re.findall(r"`([A-Z_]{4,})` of\s+`(grilly_vk/[^`]*)`", text))
    assert len(constants) > 2
    assert [c for c in constants if not re.search(rf"^{c[0]}\b.* = ", (ROOT / c[1]).read_text(), re.M)] == []
