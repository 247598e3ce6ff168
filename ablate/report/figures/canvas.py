"""How a figure becomes a piece of the page: SVG text that needs no style sheet, the same bytes every time."""

import base64
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from PIL import Image

from ablate.report.figures import paths
from ablate.text import clean

MOST_TREATMENTS = 48  # rows of a figure
MOST_MARKS = 500  # a larger SVG weighs more than a picture and slows the page down
PNG_COLOURS = 64
PNG_DPI = 150
PIXELS_PER_INCH = 96
WIDE = 640  # pixels; on a phone wider figures scroll sideways and stay readable

# Okabe and Ito's palette: distinct for the common forms of colour blindness, in print and in grey.
BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#b86e00", "#00795c", "#c4500a"
INK, MUTED, RULE = "#1d2329", "#59636e", "#d9dee3"
VERDICT_STYLE = {
    "helps": (GREEN, "^"),
    "hurts": (VERMILION, "v"),
    "undecided": (MUTED, "o"),
    "exploratory": (BLUE, "D"),
    "inert": (MUTED, "s"),
    "coverage only": (BLUE, "h"),
}

_SVG = "http://www.w3.org/2000/svg"
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MEASURED_WITH = "DejaVu Sans"  # most system fonts are narrower
_OTHER_SCRIPTS = (
    "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK JP",
    "Hiragino Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "Noto Sans Devanagari", "Noto Sans Thai", "Arial Unicode MS", "Unifont",
)  # fmt: skip
_THEME = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ablate",
    "text.parse_math": False,  # labels are the user's text: a dollar sign is a dollar sign
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#9aa4ae",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Picture:
    """A figure, ready to be put into the page.

    Attributes:
        markup: an `<svg>` or `<img>` element; its text is escaped.
        title: what it shows.
        description: its finding, for those who cannot see it.
        note: what a reader needs to read it: marks, bands, what was left out.
    """

    markup: str
    title: str
    description: str
    note: str


@contextmanager
def theme() -> Iterator[None]:
    """Draw with the page's fonts and colours."""
    own = {**_THEME, "font.sans-serif": [MEASURED_WITH, *_fonts_of_other_scripts()]}
    with mpl.rc_context(), warnings.catch_warnings():
        # A reader's browser finds a font for the texts of an SVG; a picture without one shows boxes
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        warnings.filterwarnings("ignore", r"constrained_layout not applied", UserWarning)  # labels leave no room
        mpl.rcdefaults()  # whatever a matplotlibrc says in the folder where the command was typed
        with sns.axes_style("ticks"), mpl.rc_context(own):  # type: ignore[arg-type]
            yield


@cache
def _fonts_of_other_scripts() -> tuple[str, ...]:
    """Fonts of this machine that have what `MEASURED_WITH` lacks."""
    there = set(font_manager.get_font_names())
    return tuple(name for name in _OTHER_SCRIPTS if name in there)


def panels(
    rows: int, columns: int, width: float, height: float, heights: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of panels, read row by row.

    Args:
        rows: of the grid.
        columns: of the grid.
        width: of one panel with its labels, inches.
        height: likewise; the mean where `heights` differ.
        heights: of the rows, up to a factor.
    """
    figure = Figure(
        figsize=(columns * width, rows * height),
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12, wspace=0.02, hspace=0.02),
    )
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    return figure, [axes for row in grid for axes in row]


def picture(figure: Figure, name: str, title: str, description: str, note: str = "") -> Picture:
    """A figure as markup: inline SVG, or a PNG of few colours if it holds too many marks.

    Args:
        figure: what was drawn inside `theme()`.
        name: unique within the page; `figure-` and it prefix every id.
        title: see `Picture`.
        description: see `Picture`.
        note: see `Picture`.
    """
    for text in figure.findobj(Text):
        if (shown := clean(text.get_text())) != text.get_text():  # SVG cannot hold control characters
            text.set_text(shown)
    title, description, note = clean(title), clean(description), clean(note)
    draw = svg if marks(figure) <= MOST_MARKS else png
    return Picture(draw(figure, f"figure-{name}", title, description), title, description, note)


def marks(figure: Figure) -> int:
    """How many lines, bands and points a figure holds, its axes not counted."""
    return sum(
        len(axes.lines) + len(axes.patches) + sum(np.shape(found.get_offsets())[0] for found in axes.collections)
        for axes in figure.axes
    )


def svg(figure: Figure, name: str, title: str, description: str) -> str:
    """A figure as an `<svg>` element without style sheet or `style` attributes.

    A strict content security policy blocks those, and matplotlib's SVG without them is a black box.
    """
    buffer = io.StringIO()
    with theme():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it a line above
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"}:
                parent.remove(child)
    referenced = dict.fromkeys(re.findall(r'(?:url\(|href=")#([^")]+)', buffer.getvalue()))
    ids = {old: f"{name}-{number}" for number, old in enumerate(referenced, 1)}
    for element in root.iter():
        _clean(element, ids)
    _flatten(root)
    _describe(root, name, title, description)
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")  # texts and attributes have &gt; for >


def png(figure: Figure, name: str, title: str, description: str) -> str:
    """A figure as an `<img>` element with its data inside, 64 colours."""
    buffer = io.BytesIO()
    with theme():
        figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    image = Image.open(buffer).convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="PNG", optimize=True)
    width, height = (round(size * PIXELS_PER_INCH) for size in figure.get_size_inches())
    source = f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"
    attributes = {
        "id": name,
        "alt": f"{title}. {description}",
        "width": str(width),
        "height": str(height),
        "src": source,
    }
    element = ET.Element("img", attributes | {"class": "wide" if width >= WIDE else "narrow"})
    return ET.tostring(element, encoding="unicode", method="html")


def _clean(element: ET.Element, ids: Mapping[str, str]) -> None:
    """Presentation attributes for styles, short numbers, ids that are the figure's own, no namespaces."""
    element.tag = element.tag.rpartition("}")[2]
    attributes = dict(element.attrib)
    element.attrib.clear()
    for key, value in attributes.items():
        match key.rpartition("}")[2]:
            case "style":
                element.attrib.update(_presentation(value))
            case "id":
                if value in ids:
                    element.set("id", ids[value])
            case "href":
                element.set("href", f"#{ids[value[1:]]}")
            case "clip-path":
                element.set("clip-path", f"url(#{ids[value.removeprefix('url(#').removesuffix(')')]})")
            case "transform" if value.startswith("rotate(-0 "):
                pass
            case "d":
                element.set("d", paths.relative(value))
            case "x" | "y" | "transform" as kind:
                element.set(kind, _short(value))
            case kind:
                element.set(kind, value)
    if element.tag not in {"text", "tspan"} and element.text is not None:
        element.text = None
    element.tail = None


def _flatten(element: ET.Element) -> None:
    """Take away groups that change nothing, and keep what is in them."""
    kept: list[ET.Element] = []
    for child in element:
        _flatten(child)
        kept += list(child) if child.tag == "g" and not child.attrib else [child]
    element[:] = kept


def _presentation(style: str) -> dict[str, str]:
    """CSS declarations as attributes, but for the font's name, which the root gives."""
    declarations = (part.partition(":") for part in style.split(";") if part.strip())
    pairs = ((key.strip(), value.strip()) for key, _, value in declarations)
    return {key: _short(value) for key, value in pairs if key != "font-family"}


def _short(text: str) -> str:
    """Numbers with two decimals: a tenth of a point is finer than any screen."""
    rounded = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{round(float(found.group()), 2) + 0.0:g}", text)
    return " ".join(rounded.split())


def _describe(root: ET.Element, name: str, title: str, description: str) -> None:
    width, height = (float(root.attrib[key].removesuffix("pt")) for key in ("width", "height"))
    root.attrib |= {"width": f"{width * 4 / 3:.0f}", "height": f"{height * 4 / 3:.0f}", "role": "img", "id": name}
    root.attrib |= {"aria-labelledby": f"{name}-title {name}-desc", "stroke-linejoin": "round"}
    root.attrib |= {"font-family": _FONT, "class": "wide" if width * 4 / 3 >= WIDE else "narrow"}
    root.attrib.pop("version", None)
    parts = {"title": title, "desc": description}
    for position, (tag, text) in enumerate(parts.items()):
        child = ET.Element(tag, {"id": f"{name}-{tag}"})
        child.text = text
        root.insert(position, child)
