"""The page of the audit, and its section in the report."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.audit.finding import Finding
from pipeline.data.images import LabelledImages
from pipeline.data.prepared import read_prepared, write_prepared
from pipeline.reporting import page
from pipeline.reporting.audit_page import audit_document
from pipeline.reporting.sections import document

COPIES = Finding(
    "copies_of_test_images", 4, "4 images are copies.", "Remove them.", images=((0, 3), (1, 5)), severity="stop"
)
SKIPPED = Finding(
    "skipped_files",
    2,
    "2 files are not used.",
    "Check them.",
    names=("<b>.txt: no picture", "x: hidden"),
    listing="Files and folders with the reason",
    severity="warn",
)


@pytest.fixture
def prepared(tmp_path):
    names = np.array([f"img|<i>{row}.png" for row in range(12)])
    images = LabelledImages(
        pixels=np.random.default_rng(0).integers(256, size=(12, 4, 6, 3), dtype=np.uint8),
        labels=np.arange(12) % 2,
        classes=("sound", "<cracked>"),
        groups=names,
        subgroups=None,
        names=names,
        source="made",
        licence="CC0",
        attribution="nobody",
        notes=(),
    )
    write_prepared(tmp_path / "p", images, np.array([[0] * 6 + [1, 1, 2, 2, 2, 2]], np.uint8), settings={})
    return read_prepared(tmp_path / "p")


def test_the_page_shows_each_finding_with_its_images_and_what_to_do(prepared):
    shown = page.html(audit_document([COPIES, SKIPPED], prepared))
    assert "1 finding must be corrected before training." in shown
    for text in ("4 images are copies.", "What to do: Remove them.", "img|&lt;i&gt;0.png (sound)", "&lt;b&gt;.txt: no"):
        assert text in shown
    assert "Files and folders with the reason (2)" in shown
    assert '<td class="prose">4 images are copies.</td>' in shown
    assert shown.count("data:image/webp") == 2
    # Images that wait until they are scrolled to are missing in prints and screenshots.
    assert "lazy" not in shown
    # The page works without a network.
    assert "http://" not in shown.replace("http://www.w3.org", "") and "https://" not in shown


def test_names_are_never_markup(prepared):
    shown = page.html(audit_document([COPIES, SKIPPED], prepared))
    assert "<i>0" not in shown and "<b>.txt" not in shown and "<cracked>" not in shown


def test_a_page_without_findings_shows_the_classes(prepared):
    shown = page.html(audit_document([], prepared))
    assert "The audit has no findings." in shown and "Number of images by class" in shown


def test_the_report_lists_the_findings(comparison):
    text, _ = page.markdown(document(replace(comparison, findings=(COPIES, SKIPPED))), "figures")
    assert "Data audit" in text and "4 images are copies." in text and "audit.html" in text
    assert "Data audit" not in page.markdown(document(comparison), "figures")[0]


def test_the_report_names_the_positive_class(comparison):
    text, _ = page.markdown(document(comparison), "figures")
    assert "Positive class" in text


def test_a_narrow_page_shows_the_findings_below_their_names(prepared):
    shown = page.html(audit_document([COPIES], prepared))
    assert "td.prose { flex: 0 0 100%" in shown[shown.index("@media (max-width: 44rem)") :]
