"""Draws which room imports which, from the code, into docs/architecture.md.

python tools/import_diagram.py          writes the diagram
python tools/import_diagram.py --check  fails if it is out of date
"""

import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- imports: begin -->", "<!-- imports: end -->"
EVERYWHERE = {
    "errors",
    "reading",
    "shipped",
    "text",
    "version",
}  # every room may import them; their arrows would hide the others


def arrows(package: str = "ablate") -> dict[tuple[str, str], set[str]]:
    """The modules behind every arrow between two rooms, by the names of the rooms."""
    graph = grimp.build_graph(package, cache_dir=None)
    found: dict[tuple[str, str], set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            source, target = _room(module), _room(imported)
            if source and target and source != target and not EVERYWHERE & {source, target}:
                found.setdefault((source, target), set()).add(module)
    return found


def _room(module: str) -> str:
    """The room of a module; empty for the package itself and for `python -m ablate`."""
    room = module.partition(".")[2].partition(".")[0]
    return "" if room == "__main__" else room


def mermaid() -> str:
    """The diagram as a fenced Mermaid block."""
    lines = ["```mermaid", "flowchart TD"]
    for (source, target), modules in sorted(arrows().items()):
        names = ", ".join(sorted(module.rpartition(".")[2] for module in modules))
        only = f"|{names} only|" if target == "training" else ""
        lines.append(f"    {source} -->{only} {target}")
    return "\n".join([*lines, "```"])


def main() -> int:
    """Write or check the diagram; returns the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        print(f"{PAGE} has no place for the diagram: {BEGIN} ... {END}", file=sys.stderr)
        return 1
    drawn = f"{head}{BEGIN}\n{mermaid()}\n{END}{tail}"
    if "--check" in sys.argv[1:]:
        if drawn != page:
            print(f"The diagram in {PAGE} is out of date; python tools/import_diagram.py draws it", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
