from pipeline.reporting import costs
from pipeline.reporting.costs import Cost
from pipeline.reporting.tables.models import details_table
from pipeline.reporting.text.quantities import whole


def test_every_cost_is_measured_from_its_source():
    network = {"parameters": 10, "multiply_accumulates": 100, "largest_activation_bytes": 7}
    replicates = [{"train_seconds": 2.0, "seconds_per_image": 0.1}, {"train_seconds": 3.0, "seconds_per_image": 0.2}]
    values = costs.measured(network, replicates, 50)
    assert set(values) == {cost.key for cost in costs.COSTS}
    assert (values["parameters"], values["train_seconds"], values["disk_bytes"]) == ((10,), (2.0, 3.0), (50,))


def test_an_added_cost_is_a_column_of_the_report(monkeypatch, compare, result):
    added = Cost("connections", "connections", "", whole, "network", ("column",))
    monkeypatch.setattr(costs, "COSTS", (*costs.COSTS, added))
    monkeypatch.setattr(costs, "COLUMNS", (*costs.COLUMNS, added))
    network = {"parameters": 10, "multiply_accumulates": 100, "largest_activation_bytes": 7, "connections": 12}
    values = costs.measured(network, [{"train_seconds": 2.0, "seconds_per_image": 0.1}], 50)
    model = result("a", (0.9,))
    comparison = compare(models=(type(model)(**vars(model) | {"costs": values}),))
    table = details_table(comparison)
    assert (table.header[-1], table.rows[0][-1]) == ("connections", "12")
