from pipeline.reporting.sections.image_data import counts_table


def test_counts_add_up_along_rows_and_columns(comparison):
    table = counts_table(comparison.data)
    assert table.header == ("class", "train", "test", "all")
    assert table.rows == (
        ("functional", "1,203", "400", "1,603"),
        ("defective", "1,000", "400", "1,400"),
        ("all", "2,203", "800", "3,003"),
    )
