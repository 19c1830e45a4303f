from pipeline.reporting.blocks import Document, Paragraph
from pipeline.reporting.card.card_files import copy_card, write_card


def test_the_card_without_a_champion_has_no_empty_folder_which_git_could_not_keep(tmp_path):
    (tmp_path / "champion").mkdir()
    write_card(tmp_path / "champion", Document("No champion", (Paragraph("No network is better."),), ()))
    copy_card(tmp_path / "champion", tmp_path / "reports")
    assert [file.name for file in (tmp_path / "reports" / "model_card").iterdir()] == ["no-figures.txt"]
    assert "No network is better." in (tmp_path / "reports" / "model_card.md").read_text()
