"""Read the images, divide them into training, validation and test, and write them where the other stages find them."""

from dataclasses import asdict

from pipeline.config.schema import DataConfig, SplitConfig
from pipeline.console import say
from pipeline.data.prepare import prepare
from pipeline.storage.folders import PREPARED, TEST_SETS


def main(data: DataConfig, split: SplitConfig, replicates: int) -> None:
    """Prepare the images that the comparison is made on."""
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    for line in prepare(PREPARED, asdict(data), asdict(split), replicates=replicates, test_set=test_set):
        say(line)
