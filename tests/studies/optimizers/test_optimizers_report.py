from pipeline.studies.optimizers.compared_optimizers import SGD, networks
from pipeline.studies.optimizers.optimizers_report import figures, rate_effect, text
from tests.studies.measured_networks import measured_networks

LABELS = [one.label for one in networks()]


def test_every_optimizer_has_the_same_number_of_tries():
    assert {len(one.rates) for one in networks()} == {5}


def test_equally_good_optimizers_have_no_winner():
    report = text(measured_networks(networks(), dict.fromkeys(LABELS, 0.9)))
    assert "No optimizer is shown to be better than another." in report


def test_a_worse_optimizer_is_not_among_the_unbeaten_ones():
    measured = measured_networks(networks(), {label: 0.6 if label == SGD else 0.9 for label in LABELS})
    assert f"({SGD}) to " in text(measured)
    assert SGD not in measured.certainty.unbeaten


def test_the_effect_of_the_rate_is_the_range_over_the_tried_rates():
    measured = measured_networks(networks(), dict.fromkeys(LABELS, 0.9))
    assert rate_effect(measured.choices) == ("4.0", "4.0")


def test_the_figures_show_every_optimizer():
    drawn = figures(measured_networks(networks(), dict.fromkeys(LABELS, 0.9)))
    assert [text.get_text() for text in drawn["rates"].axes[0].get_legend().get_texts()] == LABELS
    assert len(drawn["curves"].axes[0].lines) == len(LABELS)
