"""The memory of preparing hardly grows with the number of images. `benchmarks.many_images` measures up to a million."""

import subprocess
import sys

import pytest

from benchmarks.generated_pictures import write_pictures

MEASURED = """
import resource, sys
from pipeline.cli.main import main
sys.argv = ["convtrack", "prepare", "data=folder", "split=random", "replicates=1"]
main()
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
BYTES_PER_IMAGE = 1500
"""More would exceed 2 GB with a million images. The pixels of an image take 12,288 bytes."""


def peak(project):
    """The peak memory of the process that prepares the images of a project, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED],
        cwd=project.folder,
        env=project.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return 1024 * int(done.stdout.splitlines()[-1].removeprefix("peak "))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count the memory in other units")
def test_each_further_image_takes_little_memory(project, tmp_path):
    project.edit("conf/data/folder.yaml", "path: data/images", f"path: {tmp_path / 'pictures'}")
    peaks = {}
    for first, last in ((0, 4_000), (4_000, 16_000)):
        write_pictures(tmp_path / "pictures", range(first, last), width=64, height=64, suffix=".jpg", workers=2)
        peaks[last] = peak(project)
    assert peaks[16_000] - peaks[4_000] < 12_000 * BYTES_PER_IMAGE
