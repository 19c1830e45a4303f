from pipeline.reporting.figures.reliability import reliability_panel
from pipeline.reporting.figures.style import line_styles


def test_panels_share_axes_and_show_their_own_error(comparison):
    styles = line_styles(["a", "b"])
    values = comparison.models[0].calibration
    one = reliability_panel("a", values, styles["a"], chance=0.5)
    other = reliability_panel("b", values._replace(error=0.2), styles["b"], chance=0.5)
    assert one.axes[0].axis() == other.axes[0].axis()
    assert [text.get_text() for text in other.axes[0].texts] == ["error 0.200"]


def test_a_long_title_fits_into_the_panel(comparison):
    long = "lecture_cnn_batch_normalization_and_dropout"
    figure = reliability_panel(long, comparison.models[0].calibration, line_styles([long])[long], chance=0.5)
    figure.draw_without_rendering()
    title = next(text for text in figure.axes[0].get_children() if getattr(text, "get_text", str)() == long)
    assert title.get_window_extent().x1 <= figure.bbox.x1
