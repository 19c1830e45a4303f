"""Edit conf/champion.yaml. Comments are kept."""

from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import RoundTripRepresenter

from pipeline.config.reading import CONF, parse_yaml, read
from pipeline.config.schema import ChampionConfig
from pipeline.errors import UserError
from pipeline.storage.files import replacing

FILE = CONF / "champion.yaml"


def read_champion() -> ChampionConfig:
    """Which network is to be the champion.

    Raises:
        UserError: the file is missing or invalid.
    """
    if not FILE.is_file():
        raise UserError(f"{FILE} does not exist here: run this command in the folder of the project.")
    try:
        return read(ChampionConfig, parse_yaml(FILE.read_text(encoding="utf-8")), "champion")
    except (YAMLError, UnicodeDecodeError):
        raise UserError(f"{FILE} is not valid YAML in UTF-8: correct it by hand.") from None
    except UserError as problem:
        raise UserError(f"In {FILE}: {problem}") from None


def write_champion(wanted: ChampionConfig) -> bool:
    """Set which network is to be the champion. Returns whether the file has changed.

    Raises:
        UserError: the file is missing or invalid, or cannot be edited automatically.
    """
    if read_champion() == wanted:
        return False
    # As bytes, because reading as text would lose Windows' line ends.
    after = with_values(FILE.read_bytes().decode(), wanted)
    if read(ChampionConfig, parse_yaml(after), "champion") != wanted:
        raise UserError(f"Cannot edit {FILE} automatically: set `model`, `why` and `replicate` by hand.")
    with replacing(FILE) as unfinished:
        unfinished.write_bytes(after.encode())
    return True


class _Representer(RoundTripRepresenter):
    """Writes None as `null`."""


_Representer.add_representer(
    type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
)


def with_values(text: str, wanted: ChampionConfig) -> str:
    """The text of the file with other values.

    >>> text = "# Champion\\nmodel: null # chosen\\nwhy: null\\nreplicate: median # or ensemble\\n"
    >>> print(with_values(text, ChampionConfig("lenet5", "It is small: 61 k", "ensemble")))
    # Champion
    model: lenet5 # chosen
    why: 'It is small: 61 k'
    replicate: ensemble # or ensemble
    <BLANKLINE>
    """
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000
    editor.Representer = _Representer
    values = editor.load(text.replace("\r\n", "\n"))
    for name in ("model", "why", "replicate"):
        values[name] = getattr(wanted, name)
        for comment in values.ca.items.get(name, ()):
            if comment is not None:
                comment.column = 0  # One space before it, whatever the length of the value.
    edited = StringIO()
    editor.dump(values, edited)
    return edited.getvalue().replace("\n", "\r\n" if "\r\n" in text else "\n")
