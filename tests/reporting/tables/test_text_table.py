from pipeline.reporting.tables.text_table import Table, markdown


def test_a_cell_cannot_break_the_table():
    table = Table("Sums", ("class", "n"), (("a|b\n<b>", "1"),))
    assert markdown(table).splitlines()[-1] == r"| a\|b \<b\> |   1 |"


def test_a_table_without_rows_keeps_its_header():
    assert markdown(Table("Empty", ("class", "n"), ())).splitlines()[2].split() == ["|", "class", "|", "n", "|"]
