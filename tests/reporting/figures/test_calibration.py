from pipeline.reporting.figures import calibration
from pipeline.reporting.figures import style as figures


def test_panels_have_the_same_axes_and_their_own_error(comparison):
    look = figures.looks(["a", "b"])
    values = comparison.models[0].calibration
    one = calibration.calibration_panel("a", values, look["a"], least=0.5)
    other = calibration.calibration_panel("b", values._replace(error=0.2), look["b"], least=0.5)
    assert one.axes[0].axis() == other.axes[0].axis()
    assert [text.get_text() for text in other.axes[0].texts] == ["error 0.200"]


def test_the_title_of_a_small_figure_stays_inside_it(comparison):
    long = "lecture_cnn_batch_normalization_and_dropout"
    look = figures.looks([long])[long]
    figure = calibration.calibration_panel(long, comparison.models[0].calibration, look, least=0.5)
    figure.draw_without_rendering()
    title = next(text for text in figure.axes[0].get_children() if getattr(text, "get_text", str)() == long)
    assert title.get_window_extent().x1 <= figure.bbox.x1
