"""Search the recipes of the compared networks, and write the report of the searches."""

from pipeline.studies.recipes.recipe_searches import DIGITS, SOLAR_CELLS, run
from pipeline.studies.recipes.recipes_report import results, text
from pipeline.studies.study_report import write_study_report


def main() -> None:
    """Write `reports/recipes/`."""
    found = {search.data: run(search) for search in (DIGITS, SOLAR_CELLS)}
    write_study_report("recipes", text(found), {}, results=results(found))
