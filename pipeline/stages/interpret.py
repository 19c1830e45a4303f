"""Measure how the trained networks react to shifts, and draw what they have learned.

All models are interpreted in one process, which imports TensorFlow once. A model whose trainings are unchanged keeps
its interpretation.
"""

import shutil
import time

import joblib

from pipeline.config.schema import InterpretationConfig
from pipeline.console import say
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.evaluation.interpreted import interpretable, interpretation_digest, subject_of
from pipeline.storage.digests import write_digests
from pipeline.storage.files import read_json, replacing_folder, write_json
from pipeline.storage.folders import INTERPRETATION, PREPARED, InterpretationFolder, RunFolder
from pipeline.storage.frozen_imports import freeze_imports
from pipeline.training.runtime import start_tensorflow


def main(models: tuple[str, ...], interpretation: InterpretationConfig) -> None:
    """Write `interpretation/` with a folder for each model whose network takes one image and predicts its class."""
    prepared = read_prepared(PREPARED)
    runs = {model: RunFolder.of(model) for model in models} if interpretation.enabled else {}
    with replacing_folder(INTERPRETATION) as unfinished:
        for model, run in runs.items():
            if not interpretable(run):
                say(f"{model} is not interpreted: it does not predict the class of a single image.")
                continue
            before, now = InterpretationFolder.of(model), InterpretationFolder(unfinished / model)
            digest = interpretation_digest(run, interpretation.images)
            if before.complete_digest() == digest:
                shutil.copytree(before.folder, now.folder)
            else:
                _interpret(model, now, run, prepared, digest, images=interpretation.images)


def _interpret(
    model: str, folder: InterpretationFolder, run: RunFolder, prepared: Prepared, digest: str, *, images: int
) -> None:
    start_tensorflow(joblib.cpu_count())
    from pipeline.interpretation.learned_features import pictures
    from pipeline.interpretation.shift_scores import measure_shifts

    freeze_imports()
    began = time.perf_counter()
    folder.folder.mkdir()
    subject = subject_of(model, run, prepared, images=images)
    write_json(folder.shifts, measure_shifts(subject))
    for name, picture in pictures(subject):
        (folder.folder / f"{name}.png").write_bytes(picture)
    seconds = time.perf_counter() - began
    training = sum(record["seconds"] for record in read_json(run.replicates, "replicates")["replicates"])
    sizes = folder.sizes()
    write_json(folder.record, {"digest": digest, "seconds": seconds, "training_seconds": training, "sizes": sizes})
    write_digests(folder.folder)
    say(f"{model}: interpreted in {seconds:.1f} s, after {training:.0f} s of training")
