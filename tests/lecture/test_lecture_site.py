"""The committed site is the one that the committed code, network and reports give; it needs nothing from elsewhere."""

import html
import re
import subprocess
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.lecture.material import Material
from pipeline.lecture.study_answers import study_answer

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "lecture"
PAGES = sorted(SITE.glob("*.html"))


class References(HTMLParser):
    """The addresses of links, and of everything that a browser loads."""

    def __init__(self, page):
        super().__init__()
        self.links, self.loaded, self.tags, self.alternatives = [], [], [], []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append(tag)
        if tag == "a":
            self.links.append(named["href"])
        elif "href" in named or "src" in named:
            self.loaded.append(named.get("href") or named["src"])
        if tag in ("img", "svg"):
            self.alternatives.append(named.get("alt") or named.get("aria-label"))


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """The reports and the site as Git knows them: a comparison of one's own replaces files in `reports/`."""
    folder = tmp_path_factory.mktemp("staged")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "reports", "docs/lecture"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode or not listed.stdout:
        pytest.skip("not a clone of the repository")
    subprocess.run(
        ["git", "checkout-index", "-z", "--stdin", f"--prefix={folder}/"], cwd=ROOT, input=listed.stdout, check=True
    )
    return folder


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_the_committed_site_is_the_one_that_the_command_writes(staged, tensorflow):
    from pipeline.lecture.lecture_site import NETWORK, pages

    committed = {file.name: file.read_bytes() for file in (staged / "docs/lecture").iterdir() if file.name != NETWORK}
    built = pages(staged / "docs/lecture" / NETWORK, staged / "reports")
    assert sorted(built) == sorted(committed), "run `convtrack lecture`"
    different = [name for name in built if not same(built[name], committed[name], picture=name.endswith(".png"))]
    assert different == [], "run `convtrack lecture`"


@pytest.mark.parametrize(
    "damage", [None, b"", b"x", b"half", b"other"], ids=["missing", "empty", "text", "truncated", "without weights"]
)
def test_a_damaged_network_names_the_command_that_trains_it_again(tmp_path, tensorflow, damage):
    from pipeline.lecture.trained_network import read

    file = tmp_path / "network.npz"
    if damage == b"other":
        np.savez(file, a=np.zeros(3))
    elif damage is not None:
        file.write_bytes((SITE / "network.npz").read_bytes()[:3000] if damage == b"half" else damage)
    with pytest.raises(UserError, match=r"is missing or damaged\. Train the network of the pages with `convtrack lect"):
        read(file)


@pytest.mark.parametrize("picture", [b"", b"x", b"half"], ids=["empty", "text", "truncated"])
def test_a_damaged_picture_of_a_report_is_named(tmp_path, picture):
    file = tmp_path / "figure.png"
    file.write_bytes((ROOT / "reports/depth/field.png").read_bytes()[:9000] if picture == b"half" else picture)
    with pytest.raises(UserError, match=r"figure\.png is damaged\. Write it again, with `dvc repro` if"):
        Material(None, tmp_path).copied("figure", file, "A figure.")


def test_a_damaged_report_of_a_study_is_named(tmp_path):
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth/report.md").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"report\.md is damaged\. Write it again with `convtrack study depth`\."):
        study_answer(Material(None, tmp_path), "depth")


def same(one, two, *, picture):
    """Equal text, or pictures whose grey levels differ by rounding on another processor at most."""
    if not picture:
        return one == two
    first, second = (np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int) for content in (one, two))
    return first.shape == second.shape and np.abs(first - second).max() <= 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_and_picture_of_a_page_exists(page):
    found = References(page)
    for address in (*found.links, *found.loaded):
        if "://" not in address:
            assert (page.parent / address.partition("#")[0]).exists(), address
    assert all(found.alternatives), "a figure without a description"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_loads_nothing_from_elsewhere_and_runs_no_script(page):
    found = References(page)
    assert [address for address in found.loaded if "://" in address or address.startswith("//")] == []
    assert "script" not in found.tags
    assert "@import" not in (SITE / "style.css").read_text(encoding="utf-8")


def test_the_pages_form_a_chain_from_the_contents_to_the_last_idea():
    following = {page.name: re.findall(r'<link rel="next" href="([^"]+)">', page.read_text()) for page in PAGES}
    visited, name = ["index.html"], "index.html"
    while following[name]:
        (name,) = following[name]
        visited.append(name)
    assert sorted(visited) == sorted(page.name for page in PAGES)
    contents = References(SITE / "index.html").links
    assert [link for link in contents if link.endswith(".html")] == visited[1:]


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        ("from-full-to-shared", ["15", "9", "3", "16,777,216", "36,864"]),
        ("feature-maps", ["4,640"]),
        ("pooling", ["824,201", "6,127,716"]),
        ("example-network", ["162,710"]),
    ],
)
def test_a_page_states_the_exact_counts(page, numbers):
    cells = html.unescape(re.sub(r"<[^>]+>", " ", (SITE / f"{page}.html").read_text(encoding="utf-8"))).split()
    assert [number for number in numbers if number not in cells] == []
