import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.reporting import page, sections
from pipeline.reporting.blocks import Paragraph, Section
from pipeline.reporting.content import Reuse
from pipeline.reporting.figures.captioned_images import captioned_images, captioned_images_figure
from pipeline.reporting.figures.style import png_bytes
from pipeline.reporting.sections import document, lead, reproducing

VOID = {"meta", "img", "br", "link", "input"}


class Reader(HTMLParser):
    """Parse a page into tags and text, and check that elements nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def text(comparison):
    return page.html(document(comparison))


@pytest.fixture(scope="module")
def read(text):
    return Reader(text)


def test_the_page_loads_no_other_file(read, text):
    sources = [
        value
        for tag, attributes in read.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "data", "action") and tag != "a"
    ]
    assert sources
    assert all(re.match(r"#|data:image/webp;base64,", source) for source in sources)
    assert not re.search(r"@import|url\((?!#)|<link|fetch\(|import\(|XMLHttpRequest", text)
    assert read.all("script") == [{}]
    # The only remaining http addresses are SVG namespaces.
    assert set(re.findall(r'https?://[^"\s<]+', text)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_picture_has_a_description(read):
    drawings = read.all("svg")
    lead, costs, curves, calibration, confusions = 1, 1, 1, 1, 1
    assert len(drawings) == lead + costs + curves + calibration + confusions
    assert all(one["role"] == "img" and len(one["aria-label"]) > 30 for one in drawings)
    assert all(len(one["alt"]) > 30 for one in read.all("img"))
    assert any("lenet5 0.910 (0.880 to 0.940) at 417 k multiply–accumulates" in one["aria-label"] for one in drawings)


def test_numbers_on_strong_colours_have_the_colour_of_the_background(text):
    assert "fill: var(--ground)" in text and "#fffffe" not in text


def test_ids_are_unique_and_every_reference_has_its_target(read, text):
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references
    assert references <= set(ids)


def test_headings_come_in_order(text):
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == [
        "How certain is this?",
        "Every pair of models",
        "All costs",
        "Learning curves",
        "Calibration and confusions",
        "Other metrics",
        "By subgroup",
        "Worst mistakes",
        "Data",
        "Settings",
        "How to reproduce",
    ]


def test_everything_below_the_first_screen_is_folded(text):
    rest = text[text.index('<button id="unfold"') : text.index("</main>")]
    assert len(re.findall(r"<details class=\"section\"", rest)) == 11
    assert "<details open" not in rest
    assert re.sub(r"<details.*?</details>\s*(?=<details class|$)", "", rest, flags=re.DOTALL).count("<p") == 0


def test_the_recommendation_comes_first(text):
    beginning = text[text.index("<h1>") :]
    assert re.match(r'<h1>Comparison on elpv</h1>\s*<p class="answer">No clear winner: ', beginning)


def test_tables_have_captions_and_scopes(read):
    assert len(read.all("table")) == len(read.all("caption")) == 13
    assert all(cell["scope"] in ("col", "row") for cell in read.all("th"))


def test_names_are_escaped_everywhere(compare, result):
    evil = '<b>"&'
    changed = compare(
        classes=(evil, "fine"),
        models=(result(evil, (0.9, 0.8)),),
        mistakes={evil: next(iter(compare().mistakes.values()))},
        versions={evil: evil},
        tracking_link='http://localhost/"><b>',
    )
    text = page.html(document(changed))
    read = Reader(text)
    assert not read.all("b")
    assert evil in "".join(read.text)
    written, files = page.markdown(document(changed), "figures")
    assert "<b>" not in written.replace(r"\<b\>", "")
    assert "mistakes-%3Cb%3E%22%26.png" in files
    assert "figures/mistakes-%253Cb%253E%2522%2526.png" in written


def test_the_same_comparison_gives_the_same_bytes(comparison, text):
    assert page.html(document(comparison)) == text
    assert page.markdown(document(comparison), "figures") == page.markdown(document(comparison), "figures")


def test_scores_of_another_target_are_marked_in_both_formats(compare, result, text):
    pairs = ("different classes", "same class")
    changed = compare(
        models=(
            result("siamese", (0.9, 0.8), other_target="whether two images show the same class", classes=pairs),
            result("forked", (0.7, 0.7), scores={"accuracy": (0.7, 0.7), "subgroup/accuracy": (0.8, 0.9)}),
        )
    )
    sentence = (
        "siamese predicts whether two images show the same class, so its scores cannot be compared with those of the"
    )
    written = page.html(document(changed))
    assert sentence in written and sentence in page.markdown(document(changed), "figures")[0]
    assert "so its scores cannot be" not in text
    read = Reader(written)
    assert (
        "Further outputs, mean ± standard deviation over replicates. ↓ marks metrics of which lower values are better."
        in read.text
    )
    # The confusion matrix is that of its own target.
    (confusions,) = (one["aria-label"] for one in read.all("svg") if "is recognised" in one["aria-label"])
    assert "siamese: different classes" in confusions
    assert "same class" in "".join(read.text)


def texts(blocks):
    return [(block.text, block.role) for block in blocks if block.kind == "paragraph"]


def test_a_model_is_recommended_only_if_it_is_significantly_better(compare, comparison, known, two):
    assert "Use " not in lead.blocks(comparison)[0].text
    shown = known(
        {"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76},
        pairs=(
            two("lenet5", "resnet8", 0.005, "better"),
            two("lenet5", "fully_connected", 0.15, "better"),
            two("resnet8", "fully_connected", 0.145, "open"),
        ),
        ties=(("lenet5",), ("resnet8", "fully_connected")),
    )
    answer = lead.blocks(compare(certainty=shown))[0]
    assert answer.role == "answer" and answer.text.startswith(
        "Use lenet5: its accuracy, 0.910, is better than that of each of"
    )


@pytest.mark.parametrize(
    ("reuse", "text"), [((40, 0, False), "40 configurations"), ((3, 7, True), "Settings were tuned on images")]
)
def test_used_test_images_cause_a_warning_next_to_the_recommendation(compare, comparison, reuse, text):
    assert "warning" not in [role for _, role in texts(lead.blocks(comparison))]
    answer, _, warning, *_ = texts(lead.blocks(compare(reuse=Reuse(*reuse))))
    assert answer[1] == "answer" and warning[1] == "warning" and text in warning[0]


def test_a_report_of_one_replicate_contains_a_warning(compare, result):
    models = (result("lenet5", (0.9,), train_seconds=(40.0,), seconds_per_image=(0.001,)),)
    text = page.html(document(compare(models=models, replicates=1)))
    assert "Every model was trained once" in text
    assert "±" not in re.search(r"<table.*?</table>", text, re.DOTALL).group()


def test_uncommitted_changes_cause_a_warning(compare, comparison):
    def roles(values):
        return [role for _, role in texts(reproducing.section(values).blocks)]

    assert "warning" not in roles(comparison) and "warning" in roles(compare(dirty=True))


def test_the_report_links_to_the_runs_if_there_is_a_store(compare, read):
    assert read.all("a") == []
    link = "http://127.0.0.1:5000/#/compare?runs=[1]&workflowType=machine_learning"
    top = document(compare(tracking_link=link))._replace(sections=())
    assert {"href": link} in Reader(page.html(top)).all("a")
    assert f"](<{link}>)" in page.markdown(top, "figures")[0]


def test_a_section_is_one_module_and_one_line(monkeypatch, comparison):
    class Added:
        @staticmethod
        def section(comparison):
            return Section("added", "Added", (Paragraph(f"About {comparison.data.name}."),))

    monkeypatch.setattr(sections, "SECTIONS", (Added,))
    report = document(comparison)
    assert '<details class="section" id="added">\n<summary><h2>Added</h2>' in page.html(report)
    assert "<details><summary><strong>Added</strong></summary>\n\nAbout elpv." in page.markdown(report, "figures")[0]


def test_the_licence_is_shown_with_the_images(read):
    assert "Images: Deitsch et al. 2019. Licence: CC BY-NC-SA 4.0." in "".join(read.text)


def test_the_mistakes_are_embedded_at_the_size_at_which_they_are_shown(comparison, read):
    (image,) = read.all("img")
    with Image.open(BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as embedded:
        assert (embedded.format, embedded.width) == ("WEBP", page.SHOWN_WIDTH)
    with Image.open(BytesIO(comparison.mistakes["lenet5"])) as drawn:
        assert embedded.width / embedded.height == pytest.approx(drawn.width / drawn.height, rel=0.01)


def test_a_page_of_many_models_and_classes_is_below_one_megabyte(compare, result):
    classes = tuple(f"class {number}" for number in range(10))
    models = tuple(
        result(f"model_{place}", (0.9, 0.8), classes=classes, confusion=np.full((10, 10), 20)) for place in range(7)
    )
    # Blocks of random grey are about as detailed as images of solar cells.
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1)).astype(np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)
    picture = png_bytes(captioned_images_figure(captioned_images(images, ["functional"] * 12, "nobody")))
    mistakes = {model.name: picture for model in models}
    assert len(page.html(document(compare(models=models, classes=classes, mistakes=mistakes)))) < 1_000_000


def test_markdown_links_to_every_picture_that_it_returns(comparison):
    text, files = page.markdown(document(comparison), "../figures")
    linked = re.findall(r"^!\[.{30,}\]\(\.\./figures/(.+)\)$", text, re.MULTILINE)
    assert sorted(linked) == sorted(files)
    assert all(picture.startswith(b"\x89PNG") for picture in files.values())


def test_markdown_and_html_have_the_same_words(comparison, read):
    def words(text):
        return set(re.findall(r"[\w%]+", text))

    report = document(comparison)
    written = re.sub(r"!\[.*?\]\(.*?\)|&amp;|</?(?:details|summary|strong)>", " ", page.markdown(report, "figures")[0])
    assert words(written) - {"_"} <= words(" ".join(read.text))
    # Only the page has a style, a script, a button and drawings.
    ours = re.sub(
        r"<button.*?</button>|<svg.*?</svg>|<style>.*?</style>|<script>.*?</script>",
        "",
        page.html(report),
        flags=re.DOTALL,
    )
    assert words(" ".join(Reader(ours).text)) <= words(written)


def test_a_report_without_scores_states_the_reason(compare, result):
    models = (result("siamese", (0.9, 0.8), other_target="whether two images are alike"),)
    text = page.html(document(compare(models=models, mistakes={})))
    assert "No model predicts the class of an image" in text
    missing = (float("nan"),) * 2
    text = page.html(document(compare(models=(result("a", missing), result("b", missing)), mistakes={})))
    assert "No model has a finite accuracy in every replicate, so none can be recommended." in text
