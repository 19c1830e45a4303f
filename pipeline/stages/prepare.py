"""Load the images, split them into training, validation and test, and write them for the other stages."""

from dataclasses import asdict

from pipeline.config.schedule import most_replicates
from pipeline.config.schema import AutoConfig, DataConfig, Replicates, SplitConfig
from pipeline.console import say
from pipeline.data.prepare import prepare
from pipeline.storage.folders import PREPARED, TEST_SETS


def main(data: DataConfig, split: SplitConfig, replicates: Replicates, auto: AutoConfig) -> None:
    """Prepare the images of the comparison; with `replicates: auto`, with splits for the greatest number."""
    count = most_replicates(replicates, auto, split)
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    for line in prepare(PREPARED, asdict(data), asdict(split), replicates=count, test_set=test_set):
        say(line)
