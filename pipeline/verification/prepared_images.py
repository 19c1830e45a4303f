"""The digests in the manifest of prepared images, computed again from the images."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.console import Progress
from pipeline.counts import number_of
from pipeline.data.images import blocks
from pipeline.data.pixel_file import image_digests
from pipeline.data.prepared import Prepared, data_digest, read_prepared
from pipeline.verification.checked_link import Check, names

REMEDY = "Delete the folder and run `dvc repro prepare`."


def prepared_images(folder: Path) -> Iterator[Check]:
    """Check that images, labels, groups and splits are those of the manifest."""
    prepared = read_prepared(folder)
    manifest = prepared.manifest
    if computed_digest(prepared) != manifest["digest"]:
        found = f"images, labels or groups do not have the digest {manifest['digest'][:12]} of the manifest"
        yield Check(str(folder), "differs", found, REMEDY)
    else:
        found = f"{number_of(len(prepared.labels), 'image')} have the digest {manifest['digest'][:12]} of the manifest"
        yield Check(str(folder), "ok", found)
    replicates = manifest["replicates"]
    changed = [
        number + 1
        for number, (split, one) in enumerate(zip(prepared.splits, replicates, strict=False))
        if hashlib.sha256(split.tobytes()).hexdigest() != one["digest"]
    ]
    if changed or len(prepared.splits) != len(replicates):
        found = f"the splits of replicates {names(changed)} do not have the digests of the manifest"
        yield Check(str(folder), "differs", found, REMEDY)
    else:
        yield Check(str(folder), "ok", f"{number_of(len(replicates), 'split')} have the digests of the manifest")


def computed_digest(prepared: Prepared) -> str | None:
    """The digest of the images, computed as when they were prepared; None if the digest of a single image differs."""
    pixel_digest = hashlib.sha256(np.array(prepared.pixels.shape, "<i8").tobytes())
    progress = Progress(len(prepared.labels), "images checked")
    own = []
    for block in blocks(prepared.pixels):
        pixel_digest.update(block.tobytes())
        own.append(image_digests(block))
        progress.advance(len(block))
    progress.close()
    if not np.array_equal(np.concatenate(own), prepared.digests):
        return None
    return data_digest(prepared, pixel_digest)
