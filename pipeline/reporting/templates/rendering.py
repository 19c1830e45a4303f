"""The texts of reports, as Jinja templates in this folder."""

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from pipeline.reporting.tables import text_table
from pipeline.reporting.text import quantities


def template(name: str, *, autoescape: bool, package: str = __package__) -> Template:
    """Load a template of a package, with filters that format numbers and Markdown."""
    folder = resources.files(package)
    environment = Environment(
        loader=FunctionLoader(lambda file: folder.joinpath(file).read_text(encoding="utf-8")),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": quantities.count,
        "share": quantities.share,
        "score": quantities.score,
        "md": text_table.escaped,
        "md_html": text_table.escaped_in_html,
        "md_table": text_table.markdown,
    }
    return environment.get_template(name)
