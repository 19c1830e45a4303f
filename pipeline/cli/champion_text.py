"""What `convtrack champion` prints."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from pipeline.comparison.choice_file import read_choice
from pipeline.storage.folders import CARD, CHAMPION, CHOICE
from pipeline.tracking.address import shown_address
from pipeline.tracking.names import CHAMPION_ALIAS, CHOSEN_BY, SINCE, VERSION_MODEL, VERSION_REPLICATES, VERSION_SCORE
from pipeline.tracking.registered_versions import RegisteredVersion, network_in_words

WIDTH = 100
"""Characters of a line."""


def champion_lines(
    data: str, name: str, choice: Mapping[str, Any] | None, versions: Sequence[RegisteredVersion]
) -> Iterator[str]:
    """Yield the lines.

    Args:
        data: the name of the data set.
        name: that of its registered model.
        choice: the contents of `reports/champion.json`, None before the first report.
        versions: of the registered model, the newest first.
    """
    champion = next((one for one in versions if one.champion), None)
    if champion is None:
        yield f"There is no champion of {data} in {shown_address()} yet."
        yield from _without_champion(choice)
    else:
        yield from _champion(data, name, champion)
        yield from _other_choice(choice, champion)
    others = [one for one in versions if not one.champion]
    if others:
        yield "Other versions:"
    for one in others:
        yield f"  {one.number}: {network_in_words(one.tags)}{_since(one)}"
        yield from _indented(one.description)


def _champion(data: str, name: str, champion: RegisteredVersion) -> Iterator[str]:
    yield f"Champion of {data}: {network_in_words(champion.tags)} (version {champion.number}{_since(champion)})"
    yield from _indented(champion.description)
    yield f"  chosen by: {champion.tags.get(CHOSEN_BY, 'unknown')}"
    yield f"  score: {champion.tags.get(VERSION_SCORE, 'unknown')}"
    yield f"  address: models:/{name}@{CHAMPION_ALIAS} in {shown_address()}"
    if CARD.is_file():
        yield f"  model card: {CARD}"


def _since(version: RegisteredVersion) -> str:
    since = version.tags.get(SINCE)
    return f", {SINCE} {since}" if since else ""


def _without_champion(choice: Mapping[str, Any] | None) -> Iterator[str]:
    if choice is None:
        yield "Run `dvc repro`, which trains the networks of the comparison and registers one."
    elif choice["model"] is None:
        yield choice["reason"]
        yield 'To register a network nevertheless: `convtrack champion NAME --why "…"`.'
    else:
        yield f"The report chooses {choice['model']}: run `{_registering(choice)}`, which registers it."


def _other_choice(choice: Mapping[str, Any] | None, champion: RegisteredVersion) -> Iterator[str]:
    """The network that the last report chose, if it is not the registered one."""
    if choice is None:
        return
    if choice["model"] is None:
        yield f"The last report chooses no network: {choice['reason']}"
        return
    replicates = ", ".join(str(one + 1) for one in choice["replicates"])
    chosen = {VERSION_MODEL: choice["model"], VERSION_REPLICATES: replicates}
    if any(champion.tags.get(key) != value for key, value in chosen.items()):
        how = _registering(choice)
        yield f"The last report chooses {network_in_words(chosen)}: run `{how}`, which registers it."
        yield from _indented(choice["reason"])


def _registering(choice: Mapping[str, Any]) -> str:
    """The command that registers the network: DVC does nothing if it is packaged already, as after `dvc pull`."""
    file = CHAMPION / CHOICE.name
    packaged = read_choice(file) if file.is_file() else {}
    same = all(packaged.get(name) == choice[name] for name in ("model", "replicates", "reason"))
    return "convtrack publish" if same else "dvc repro package"


def _indented(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
