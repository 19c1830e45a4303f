"""Compute the results of the study on known changes of pictures and write its report."""

from pipeline.data.prepared import read_prepared
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.reference import REFERENCE, read_reference
from pipeline.storage.folders import CHAMPION, PREPARED
from pipeline.studies.shifts.judged_pictures import HeldOutImages
from pipeline.studies.shifts.shifts_report import shifts_text
from pipeline.studies.study_report import write_study_report

SIZES, SAMPLES = (50, 100, 300), 60
"""Sizes of the random samples of unchanged images, and how many of each."""


def main() -> None:
    """Write `reports/shifts/` for the champion and the prepared images."""
    model = PictureModel.load(CHAMPION)
    images = HeldOutImages.of(model, read_reference(CHAMPION / REFERENCE), read_prepared(PREPARED))
    samples = {size: tuple(images.samples(size, seeds=SAMPLES)) for size in SIZES if size <= len(images.labels) // 2}
    text = shifts_text(tuple(images.known_changes()), samples, model.settings)
    write_study_report("shifts", text, {})
