def test_the_wiring_of_five_pixels_has_15_9_and_9_connections_in_1_1_and_3_colours():
    from pipeline.studies.connectivity.connectivity_report import wiring_diagrams

    diagrams = wiring_diagrams()
    assert [diagram.title for diagram in diagrams] == ["full\n15 weights", "sparse\n9 weights", "shared\n3 weights"]
    assert [len(diagram.connections) for diagram in diagrams] == [15, 9, 9]
    assert [len({colour for *_, colour in diagram.connections}) for diagram in diagrams] == [1, 1, 3]


def test_the_growth_figure_has_one_labelled_line_per_kind_of_connectivity():
    from pipeline.studies.connectivity.connectivity_report import growth_figure
    from pipeline.studies.connectivity.convolution_forms import weight_growth

    axes = growth_figure(weight_growth([4, 64], kernel=3)).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[256, 16_777_216], [144, 36_864], [9, 9]]
    assert [text.get_text() for text in axes.texts] == ["full, 16.8 M", "sparse, 36.9 k", "shared, 9"]
