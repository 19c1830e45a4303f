import base64
import re
from html.parser import HTMLParser

import pytest

from pipeline.reporting import page

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
    assert not re.search(r"@import|url\((?!#)|<script|<link", text)
    # What remains of http are the names of the SVG language.
    assert set(re.findall(r'https?://[^"\s<]+', text)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_picture_says_what_it_shows(read):
    drawings = read.all("svg")
    assert len(drawings) == 1 + 3 + 3 + 3
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
        "How sure is this?",
        "Accuracy against cost",
        "Learning curves",
        "Other metrics",
        "Confusion",
        "Worst mistakes",
        "The data",
        "How to reproduce",
    ]


def test_tables_have_captions_and_scopes(read):
    assert len(read.all("table")) == len(read.all("caption")) == 4
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
    assert len(read.all("table")) == 5
    assert "Further outputs, mean ± standard deviation over replicates. ↓ marks those that are better low." in read.text
    # The confusion is that of its own question.
    (confusion,) = (one["aria-label"] for one in read.all("svg") if "same class" in one["aria-label"])
    assert "siamese" in confusion
    assert "same class" in "".join(read.text)


def test_no_winner_is_named_and_the_missing_test_is_told(text):
    assert not re.search(r"winner|significant|\bbest\b", text)
    assert "No test has been made" in text


def test_one_replicate_is_said_to_tell_nothing_of_noise(compare, result):
    text = page.html(compare(models=(result("lenet5", (0.9,), train_seconds=(40.0,)),), replicates=1))
    assert "Every model was trained once" in text
    assert "±" not in re.search(r"<table>.*?</table>", text, re.DOTALL).group()


def test_a_changed_tree_is_told(compare, text):
    assert "had changes" not in text
    assert "had changes" in page.html(compare(dirty=True))


def test_the_link_to_the_runs_is_there_when_there_is_a_store(compare, read):
    assert read.all("a") == []
    link = "http://127.0.0.1:5000/#/compare?runs=[1]&workflowType=machine_learning"
    assert Reader(page.html(compare(tracking_link=link))).all("a") == [{"href": link}]
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

    written = re.sub(r"!\[.*?\]\(.*?\)", "", page.markdown(comparison, "figures")[0])
    assert set(words(written)) - {"_"} <= set(words(" ".join(read.text))) | {"digest", "of", "the", "data", "Commit"}
