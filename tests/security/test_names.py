"""Names are shown and never obeyed: in pages, in Markdown, and on the console.

A page with hostile names must have the same elements, attributes and tokens as one with harmless names.
"""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from markdown_it import MarkdownIt

from pipeline.console import say
from pipeline.data.images import printable
from pipeline.deployment.picture_model import PictureModel
from pipeline.reporting import page
from pipeline.reporting.blocks import (
    Beside,
    Bullets,
    Commands,
    Document,
    Fold,
    Image,
    Images,
    Link,
    Matrix,
    Paragraph,
    Section,
    TableBlock,
    Terms,
)
from pipeline.reporting.content import Champion
from pipeline.reporting.picture_page import ServedModel, picture_page
from pipeline.reporting.sections import document
from pipeline.reporting.sweep_description import BestTrial, description
from pipeline.reporting.tables.text_table import Table, code
from tests.chromium import CHROMIUM, found_by_chromium
from tests.deployment.serving.conftest import encoded
from tests.reporting import conftest as reporting

compare, result = reporting.compare, reporting.result

PNG = encoded(np.zeros((2, 2), np.uint8))
SCRIPT = "document.title='obeyed'"
HOSTILE = (
    f"</script><script>{SCRIPT}</script>",
    f'<img src=x onerror="{SCRIPT}">',
    f"'><svg/onload={SCRIPT}>",
    f'" autofocus onfocus="{SCRIPT}',
    f"</textarea></title></style></summary></details><iframe src=javascript:{SCRIPT}>",
    "<!-- ]]> --><base href=//example.org>",
    f"[a](javascript:{SCRIPT}) ![b](//example.org/c) <//example.org>",
    "a | b `c` **d** _e_ ~~f~~ $g$ \\ &lt; &#60;",
    "- a",
    "1. a",
    "+ a",
    "> a",
    "# a",
    "{{ 7 * 7 }} {% raw %} ${7 * 7}",
    "$\\frac{a$ $x_1^2$",
    "```",
    "<details>",
)
HARMLESS = "harmless"


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes, and where scripts and addresses lead."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        led = [value for name, value in attributes if name in ("href", "src") and not (value or "").startswith("data:")]
        self.found.append((tag, *(name for name, _ in attributes), *(one.partition(":")[0] for one in led)))

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self.found.append(f"/{tag}")

    def handle_decl(self, decl):
        self.found.append("declaration")

    handle_comment = unknown_decl = handle_pi = handle_decl


def tokens(text):
    """The structure of a Markdown page; embedded HTML must be that of a harmless page, too."""

    def walk(some):
        for one in some:
            if one.type in ("html_block", "html_inline"):
                yield one.type, Elements(one.content).found
            elif one.type not in ("text", "text_special", "softbreak"):
                yield one.type, one.tag, sorted(one.attrs)
            if one.children:
                yield from walk(one.children)

    return list(walk(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)))


def blocks(name):
    """A block of every kind with this name in each of its texts."""
    table = Table(name, (name, name), ((name, name),))
    image = Image(name, "image", name, PNG)
    plain = (
        *(Paragraph(name, role) for role in ("text", "answer", "support", "warning")),
        Link(name, "report.html"),
        Bullets((name, name)),
        Terms(((name, name),)),
        Commands(f"convtrack {name}"),
        TableBlock(table),
        Matrix(Table(name, (name, name), ((name, name),)), (("better",),)),
        Images((image,)),
    )
    return (*plain, Fold(name, plain), Beside(plain[:2]))


def written(name):
    return Document(name, blocks(name), (Section("first", name, blocks(name), name),))


@pytest.fixture(scope="module")
def harmless():
    return written(HARMLESS)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_an_element_of_a_page(name, harmless):
    shown = page.html(written(name))
    assert Elements(shown).found == Elements(page.html(harmless)).found


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup_of_a_markdown_page(name, harmless):
    shown, _ = page.markdown(written(name), "figures")
    assert tokens(shown) == tokens(page.markdown(harmless, "figures")[0])


def of_names(compare, result, first, second, attribution):
    """The report of a comparison in which these are the names of classes, models, notes and versions."""
    models = (result(first, (0.9, 0.8), classes=(first, second)), result(second, (0.7, 0.75), classes=(first, second)))
    plain = compare()
    data = replace(
        plain.data,
        title=attribution,
        source=attribution,
        licence=attribution,
        attribution=attribution,
        notes=(attribution,),
        classes=(first, second),
        counts={"train": {first: 3, second: 4}, "test": {first: 1, second: 2}},
    )
    pictures = {first: next(iter(plain.mistakes.values()))}
    return replace(
        compare(models=models, mistakes=pictures, augmented=pictures, versions={attribution: attribution}),
        data=data,
        learned={first: {"kernels": pictures[first]}},
        champion=Champion(first, attribution, (0,)),
        commit=attribution,
    )


# Short, because figures have no space for long names. The pages above show every kind of hostile name.
SHORT = f'<img src=x onerror="{SCRIPT}">\'`[a](b)$\\frac|*'


@pytest.fixture(scope="module")
def hostile(compare, result):
    return document(of_names(compare, result, "a" + SHORT, "b" + SHORT, SHORT))


# 10 seconds on an idle machine: all figures of two reports.
def test_a_report_of_hostile_names_has_the_structure_of_a_harmless_one(hostile, compare, result):
    plain = document(of_names(compare, result, "aa", "bb", "cc"))
    shown, expected = page.html(hostile), page.html(plain)
    drawing = re.compile(r"<svg.*?</svg>", re.DOTALL)
    assert Elements(drawing.sub("", shown)).found == Elements(drawing.sub("", expected)).found
    # A long name changes the number of lines that a figure draws, but not the kinds of elements.
    kinds = [set(Elements("".join(drawing.findall(text))).found) for text in (shown, expected)]
    assert kinds[0] == kinds[1]
    assert tokens(page.markdown(hostile, "figures")[0]) == tokens(page.markdown(plain, "figures")[0])


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_of_the_server_has_the_elements_of_a_harmless_one(name):
    shown = picture_page(ServedModel(name, name, name, name, [0.1]))
    assert Elements(shown).found == Elements(picture_page(ServedModel("a", "a", "a", "a", [0.1]))).found


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_no_name_is_obeyed_by_a_browser(tmp_path, hostile):
    every = written(" ".join(HOSTILE))
    report = page.html(Document(every.title, (*hostile.lead, *every.lead), (*hostile.sections, *every.sections)))
    shown = report.replace(
        "</body>",
        """<script>
addEventListener("load", () => setTimeout(() => {
  const found = {title: document.title, loaded: performance.getEntriesByType("resource").map((one) => one.name)};
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
}, 200));
</script></body>""",
    )
    (tmp_path / "report.html").write_text(shown, encoding="utf-8")
    found, console = found_by_chromium(f"file://{tmp_path}/report.html", tmp_path / "profile")
    assert found["title"] != "obeyed" and SCRIPT in found["title"]
    assert found["loaded"] == [] and console == []


ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b2J\r\x00\x7f"
REORDERING = "\u202e\u2066\u2069"


def test_no_name_controls_the_terminal(capsys):
    say(f"class {ESCAPES}{REORDERING}ä…字 ends")
    line = capsys.readouterr().out
    assert line.startswith("class \\x1b]0;title\\x07") and line.endswith("ä…字 ends\n")
    assert line[:-1].isprintable()


def test_names_of_files_and_classes_are_one_printable_line():
    name = printable(f"a{ESCAPES}{REORDERING}\n\t\u2028\udc80b")
    assert name.isprintable() and name.startswith("a\\x1b") and name.endswith("\\n\\t\\u2028\\udc80b")
    # Names in other scripts keep their letters and marks.
    assert printable("क्\u200dष שלום\u200e") == "क्\u200dष שלום\u200e"


def test_the_classes_of_a_packaged_network_of_strangers_are_printable(settings):
    model = PictureModel(settings | {"classes": [f"a{ESCAPES}", REORDERING]}, lambda pixels: pixels)
    assert all(name.isprintable() for name in model.classes)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup_of_a_description_in_mlflow(name):
    def described(text):
        best = [BestTrial(1, {text: 0.5}, {text: text})]
        return (
            description(f"x{text}", {"complete": 1}, best)
            + f"\n\n| {code('x' + text)} |\n| --- |\n| {code('x' + text)} |\n"
        )

    # Only the form of a command changes: code, or escaped text where code cannot show it.
    forms = [[one for one in tokens(described(text)) if one[0] != "code_inline"] for text in (name, HARMLESS)]
    assert forms[0] == forms[1]
