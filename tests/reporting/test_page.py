import base64
import re
from html.parser import HTMLParser

import pytest

from pipeline.reporting import page
from pipeline.reporting.content import Reuse

VOID = {"meta", "img", "br", "link", "input"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and holds what the tests ask for; elements must nest."""

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
    return page.html(comparison)


@pytest.fixture
def undrawn(monkeypatch):
    """No picture is drawn, where only words are asked for."""
    none = page.Pictures((), (), (), (), ())
    monkeypatch.setattr(page, "pictures", lambda _: none)


@pytest.fixture(scope="module")
def read(text):
    return Reader(text)


def test_the_page_loads_nothing(read, text):
    sources = [
        value
        for tag, attributes in read.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "data", "action") and tag != "a"
    ]
    assert sources
    assert all(re.match(r"#|data:image/png;base64,", source) for source in sources)
    assert not re.search(r"@import|url\((?!#)|<link|fetch\(|import\(|XMLHttpRequest", text)
    assert read.all("script") == [{}]
    # What remains of http are the names of the SVG language.
    assert set(re.findall(r'https?://[^"\s<]+', text)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_picture_says_what_it_shows(read):
    drawings = read.all("svg")
    spread, costs, curves, calibration, confusion, bars = 1, 4, 3, 3, 3, 3
    assert len(drawings) == spread + costs + curves + calibration + confusion + bars
    assert all(one["role"] == "img" and len(one["aria-label"]) > 30 for one in drawings)
    assert all(len(one["alt"]) > 30 for one in read.all("img"))
    assert any("lenet5 0.910 at 61.7 k" in one["aria-label"] for one in drawings)


def test_ids_are_unique_and_every_reference_has_its_target(read, text):
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references
    assert references <= set(ids)


def test_headings_come_in_order(text):
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == [
        "Models",
        "Every pair of models",
        "How sure is this?",
        "How often these test images were used",
        "Accuracy against cost",
        "Learning curves",
        "Calibration",
        "Confusion",
        "Other metrics",
        "By subgroup",
        "Worst mistakes",
        "The data",
        "Settings",
        "How to reproduce",
    ]


def test_the_answer_comes_before_all_else(text):
    beginning = text[text.index("<h1>") :]
    assert re.match(r'<h1>Comparison on elpv</h1>\s*<p class="answer">It cannot be told', beginning)


def test_tables_have_captions_and_scopes(read):
    assert len(read.all("table")) == len(read.all("caption")) == 11
    assert all(cell["scope"] in ("col", "row") for cell in read.all("th"))


def test_names_are_escaped_wherever_they_stand(compare, result):
    evil = '<b>"&'
    changed = compare(
        classes=(evil, "fine"),
        models=(result(evil, (0.9, 0.8)),),
        mistakes={evil: b"png"},
        versions={evil: evil},
        tracking_link='http://localhost/"><b>',
    )
    text = page.html(changed)
    read = Reader(text)
    assert not read.all("b")
    assert evil in "".join(read.text)
    written, files = page.markdown(changed, "figures")
    assert "<b>" not in written.replace(r"\<b\>", "")
    assert "mistakes-%3Cb%3E%22%26.png" in files
    assert "figures/mistakes-%253Cb%253E%2522%2526.png" in written


def test_the_same_comparison_gives_the_same_bytes(comparison, text):
    assert page.html(comparison) == text
    assert page.markdown(comparison, "figures") == page.markdown(comparison, "figures")


def test_what_is_no_comparison_of_like_with_like_is_told_on_page_and_paper(compare, result, text):
    pairs = ("different classes", "same class")
    changed = compare(
        models=(
            result("siamese", (0.9, 0.8), question="whether two images show the same class", classes=pairs),
            result("forked", (0.7, 0.7), scores={"accuracy": (0.7, 0.7), "subgroup/accuracy": (0.8, 0.9)}),
        )
    )
    sentence = "siamese says whether two images show the same class, so its scores do not stand beside those of the"
    written = page.html(changed)
    assert sentence in written and sentence in page.markdown(changed, "figures")[0]
    assert "so its scores do not stand" not in text
    read = Reader(written)
    assert "Further outputs, mean ± standard deviation over replicates. ↓ marks those that are better low." in read.text
    # The confusion is that of its own question.
    (confusion,) = (one["aria-label"] for one in read.all("svg") if "recognised: different" in one["aria-label"])
    assert "siamese" in confusion
    assert "same class" in "".join(read.text)


def test_a_model_is_recommended_only_where_the_statistics_say_so(compare, comparison, known, two, undrawn):
    assert "Use " not in page.html(comparison)
    proved = known(
        {"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76},
        pairs=(
            two("lenet5", "resnet8", 0.005, "better"),
            two("lenet5", "fully_connected", 0.15, "better"),
            two("resnet8", "fully_connected", 0.145, "open"),
        ),
        ties=(("lenet5",), ("resnet8", "fully_connected")),
    )
    changed = compare(certainty=proved)
    assert "Use lenet5 (accuracy 0.910" in page.html(changed)
    assert "**Use lenet5" in page.markdown(changed, "figures")[0]


def test_many_looks_and_tuned_settings_are_warned_of_beside_the_answer(compare, text, undrawn):
    assert 'class="warning"' not in text
    for looks, said in (((40, 0), "40 configurations have been evaluated"), ((3, 7), "Settings were tuned on images")):
        changed = compare(reuse=Reuse(*looks))
        warning = re.search(r'<p class="warning">(.*?)</p>', page.html(changed)).group(1)
        assert said in warning
        assert re.search(rf"^> .*{said}", page.markdown(changed, "figures")[0], re.MULTILINE)


def test_one_replicate_is_said_to_tell_nothing_of_noise(compare, result):
    text = page.html(
        compare(models=(result("lenet5", (0.9,), train_seconds=(40.0,), seconds_per_image=(0.001,)),), replicates=1)
    )
    assert "Every model was trained once" in text
    assert "±" not in re.search(r"<table.*?</table>", text, re.DOTALL).group()


def test_a_changed_tree_is_told(compare, text, undrawn):
    assert "had changes" not in text
    assert "had changes" in page.html(compare(dirty=True))


def test_the_link_to_the_runs_is_there_when_there_is_a_store(compare, read, undrawn):
    assert all(one["href"].startswith("#") for one in read.all("a"))
    link = "http://127.0.0.1:5000/#/compare?runs=[1]&workflowType=machine_learning"
    assert {"href": link} in Reader(page.html(compare(tracking_link=link))).all("a")
    assert f"](<{link}>)" in page.markdown(compare(tracking_link=link), "figures")[0]


def test_the_licence_stands_beside_the_images(read):
    assert "Images: Deitsch et al. 2019. Licence: CC BY-NC-SA 4.0." in "".join(read.text)


def test_the_mistakes_are_the_picture_that_was_given(comparison, read):
    (image,) = read.all("img")
    assert base64.b64decode(image["src"].partition(",")[2]) == comparison.mistakes["lenet5"]


def test_markdown_links_to_the_files_it_gives_and_to_no_others(comparison):
    text, files = page.markdown(comparison, "../figures")
    linked = re.findall(r"^!\[.{30,}\]\(\.\./figures/(.+)\)$", text, re.MULTILINE)
    assert sorted(linked) == sorted(files)
    assert all(picture.startswith(b"\x89PNG") for picture in files.values())


def test_markdown_and_html_say_the_same(comparison, read):
    def words(text):
        return re.findall(r"[\w%]+", text)

    written = re.sub(r"!\[.*?\]\(.*?\)|&amp;|</?details>|</?summary>", " ", page.markdown(comparison, "figures")[0])
    assert set(words(written)) - {"_"} <= set(words(" ".join(read.text))) | {"digest", "of", "the", "data", "Commit"}
    # The style, the script, how a page is used and how it draws are the page's alone.
    ours = re.sub(
        r"\.bar|<nav.*?</nav>|<svg.*?</svg>|<style>.*?</style>|<script>.*?</script>",
        "",
        page.html(comparison),
        flags=re.DOTALL,
    )
    shown = Reader(ours).text
    bars_alone = {"All", "bars", "scale", "band", "dot", "tick", "against"}
    assert set(words(" ".join(shown))) - set(words(written)) <= bars_alone | {"Digest", "Source", "Images"}


def test_where_no_model_can_be_judged_the_report_still_says_so(compare, result):
    models = (result("siamese", (0.9, 0.8), question="whether two images are alike"),)
    assert "No model was asked for the class of an image" in page.html(compare(models=models, mistakes={}))
    lost = (float("nan"),) * 2
    text = page.html(compare(models=(result("a", lost), result("b", lost)), mistakes={}))
    assert "No model has a finite accuracy in every replicate, so none can be recommended." in text
