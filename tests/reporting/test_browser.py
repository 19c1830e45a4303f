"""The report in headless Chromium, opened from a file with all other addresses blocked."""

import html
import re
import subprocess

import pytest

from pipeline.reporting import page
from pipeline.reporting.sections import document
from tests.chromium import CHROMIUM, found_by_chromium

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (Debian: apt install chromium)")

# Block and record every request of the page.
FORBIDDING = """
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<script>
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
</script>
"""
SORTING = """
<script>
addEventListener("load", () => {
  const folds = [...document.querySelectorAll("details")], opened = () => folds.filter((one) => one.open).length;
  const states = [opened()];
  const act = (action) => { action(); states.push(opened()); };
  act(() => dispatchEvent(new Event("beforeprint")));
  act(() => dispatchEvent(new Event("afterprint")));
  act(() => { history.replaceState(null, "", "#pairs"); dispatchEvent(new Event("hashchange")); });
  act(() => document.getElementById("unfold").click());
  const table = document.querySelector(".beside table"), head = (column) => table.tHead.rows[0].cells[column];
  const seen = [];
  const click = (column) => {
    head(column).querySelector("button").click();
    const sorts = [...table.tHead.rows[0].cells].map((cell) => cell.getAttribute("aria-sort"));
    seen.push({ sorts, order: [...table.tBodies[0].rows].map((row) => row.cells[0].textContent) });
  };
  [2, 2, 4, 0].forEach(click);
  const buttons = [...document.querySelectorAll("th button")].filter((one) => one.checkVisibility());
  const focused = buttons.length > 20 && buttons.every((one) => (one.focus(), document.activeElement === one));
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  const found = { seen, states, folds: folds.length, focused, refused, loaded };
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>
"""
MEASURING = """<!DOCTYPE html><title>widths</title><pre id="found"></pre>
{frames}
<script>
addEventListener("load", () => {{
  const widths = [...document.querySelectorAll("iframe")].map((frame) => {{
    const root = frame.contentDocument.documentElement, shown = root.clientWidth;
    const answered = root.querySelector(shown > 1100 ? ".beside" : ".beside .drawing").getBoundingClientRect().bottom;
    frame.contentDocument.getElementById("unfold").click();
    const text = [...root.querySelectorAll("h1, p, li, dd, caption span, figure")];
    const beyond = text.filter((one) => one.getClientRects().length && !one.closest(".scroll")
      && one.getBoundingClientRect().right > shown + 1).map((one) => one.outerHTML.slice(0, 80));
    const broken = [...root.querySelectorAll("th[scope=row]")].filter((one) => {{
      const range = new Range();
      range.selectNodeContents(one);
      return new Set([...range.getClientRects()].map((line) => line.top)).size > 1;
    }}).map((one) => one.textContent);
    return {{ shown, needed: root.scrollWidth, beyond, broken, answered }};
  }});
  document.querySelectorAll("iframe").forEach((frame) => frame.remove());
  document.getElementById("found").textContent = JSON.stringify(widths);
}});
</script>"""


def opened(folder, text):
    """Return the JSON that the page wrote into its element `found`, and the messages on the console."""
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    return found_by_chromium(file.as_uri(), folder / "profile")


@pytest.fixture(scope="module")
def text(compare, result):
    """A report with long names, a diverged model, and a table that is wider than the screen of a phone."""
    models = (
        result(
            "lecture_cnn_batch_normalization", (0.75, 0.77), receptive_field=None, multiply_accumulates=(4_260_866,)
        ),
        result("lenet5", (0.90, 0.92), multiply_accumulates=(416_520,)),
        result("resnet8", (0.90, 0.91), multiply_accumulates=(999_999,)),
        result("diverged", (float("nan"), 0.9), multiply_accumulates=(7,)),
    )
    return page.html(document(compare(models=models)))


@pytest.fixture(scope="module")
def seen(text, tmp_path_factory):
    watched = text.replace("<head>", f"<head>{FORBIDDING}").replace("</body>", f"{SORTING}</body>")
    return opened(tmp_path_factory.mktemp("sorting"), watched)


def test_the_report_opens_from_a_file_and_loads_nothing_else(seen):
    found, _ = seen
    assert found["refused"] == []
    assert [address for address in found["loaded"] if not address.startswith("data:")] == []


def test_the_page_causes_no_console_message(seen):
    assert seen[1] == []


def test_a_click_on_a_header_sorts_by_number_and_a_second_click_reverses_the_order(seen):
    up, down, operations, _ = seen[0]["seen"]
    assert up["order"] == ["lecture_cnn_batch_normalization", "resnet8", "lenet5", "diverged"]
    assert down["order"] == ["lenet5", "resnet8", "lecture_cnn_batch_normalization", "diverged"]
    # As text, 1.0 M would come before 417 k.
    assert operations["order"] == ["diverged", "lenet5", "resnet8", "lecture_cnn_batch_normalization"]


def test_rows_without_a_number_stay_at_the_bottom_in_both_directions(seen):
    up, down, *_ = seen[0]["seen"]
    assert up["order"][-1] == down["order"][-1] == "diverged"


def test_names_are_sorted_as_text(seen):
    order = seen[0]["seen"][-1]["order"]
    assert order == sorted(order)


def test_only_the_sorted_column_is_marked_as_sorted(seen):
    up, down, *_ = seen[0]["seen"]
    assert [place for place, sort in enumerate(up["sorts"]) if sort] == [2]
    assert (up["sorts"][2], down["sorts"][2]) == ("ascending", "descending")


def test_the_keyboard_reaches_every_header(seen):
    assert seen[0]["focused"]


def test_paper_and_the_button_unfold_everything_and_a_link_unfolds_its_section(seen):
    found = seen[0]
    everything = found["folds"]
    assert everything > 10
    assert found["states"] == [0, everything, 0, 1, everything]


@pytest.fixture(scope="module")
def frames(text, tmp_path_factory):
    """Measurements of the page at the widths of a phone, of MLflow's frame and of a desktop screen, by width."""
    frame = '<iframe style="width:{}px;height:900px;border:0" srcdoc="{}"></iframe>'
    widths = (390, 450, 600, 1400)
    drawn = "".join(frame.format(width, html.escape(text)) for width in widths)
    measured, console = opened(tmp_path_factory.mktemp("frames"), MEASURING.format(frames=drawn))
    assert console == []
    return dict(zip(widths, measured, strict=True))


def test_the_page_fits_every_screen(frames):
    for width, one in frames.items():
        assert width - 20 <= one["shown"] <= width
        assert one["needed"] <= one["shown"]
        assert one["beyond"] == []


def test_names_of_models_never_break(frames):
    assert [one["broken"] for one in frames.values()] == [[]] * 4


def test_the_first_screen_shows_the_answer_and_the_figure(frames):
    assert frames[390]["answered"] <= 844
    assert frames[1400]["answered"] <= 900


def test_the_page_prints_every_section(text, tmp_path):
    file, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    file.write_text(text, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command = [CHROMIUM, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={paper}", file.as_uri()]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    pages = [int(count) for count in re.findall(rb"/Type /Pages\s*/Count (\d+)", paper.read_bytes())]
    assert max(pages) >= 4
