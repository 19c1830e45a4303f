from pipeline.reporting.figures.reliability import reliability_panels


def test_panels_share_axes_and_show_their_own_error(comparison):
    values = comparison.models[0].calibration
    figure = reliability_panels({"a": values, "b": values._replace(error=0.2)}, chance=0.5)
    one, other = figure.axes
    assert one.axis() == other.axis()
    assert [text.get_text() for text in other.texts] == ["error 0.200"]


def test_a_long_title_fits_into_the_panel(comparison):
    long = "lecture_cnn_batch_normalization_and_dropout"
    figure = reliability_panels({long: comparison.models[0].calibration}, chance=0.5)
    figure.draw_without_rendering()
    title = next(text for text in figure.axes[0].get_children() if getattr(text, "get_text", str)() == long)
    assert title.get_window_extent().x1 <= figure.bbox.x1
