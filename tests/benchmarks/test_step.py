from benchmarks.step import ratios


def test_epochs_in_which_a_peer_stalls_do_not_count():
    found = {
        "ours": [10.0, 12.0, 11.0],
        "Keras": [20.0, 400.0, 300.0],
        "ours, as on AVX2": [30.0],
        "Keras, as on AVX2": [40.0],
        "PyTorch eager": [8.0],
    }
    assert [(one.name, one.value, one.goal) for one in ratios("lenet5", 0.65, found)] == [
        ("lenet5, against Keras", 0.5, 0.65),
        ("lenet5, against Keras, as on AVX2", 0.75, 0.65),
        ("lenet5, against PyTorch eager", 1.25, 1.0),
    ]
