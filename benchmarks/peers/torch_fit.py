"""A worker that trains a network with PyTorch: a plain loop over tensors, one thread, an epoch per round.

Settings: `model`; `parameters`, the number that the network must have; `compiled`, whether to use `torch.compile`. Each
report is the seconds of an epoch, validation included.
"""

import json
import sys
import time

import torch
from torch import nn

from benchmarks.alternating import report, wait_for_turn
from benchmarks.peers.torch_networks import NETWORKS, parameter_count
from benchmarks.random_images import BATCH, arrays


def main() -> None:
    """Train; the first epoch is a warm-up."""
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    network = NETWORKS[settings["model"]]()
    if parameter_count(network) != settings["parameters"]:
        sys.exit(f"{settings['model']} has {parameter_count(network)} parameters, not {settings['parameters']}.")
    (images, targets), (held_images, held_targets) = (
        (torch.from_numpy(inputs).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(wanted))
        for inputs, wanted in arrays()
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    loss = nn.BCEWithLogitsLoss()
    predict = torch.compile(network) if settings["compiled"] else network
    while True:
        began = time.perf_counter()
        network.train()
        for chosen in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss(predict(images[chosen]), targets[chosen]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            loss(predict(held_images), held_targets).item()
        report(time.perf_counter() - began)
        wait_for_turn()


if __name__ == "__main__":
    main()
