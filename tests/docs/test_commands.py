"""README and the pages under docs/: commands are valid, linked and named files exist."""

import argparse
import fnmatch
import html
import re
import shlex
import shutil
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from subprocess import run

import pytest
import yaml

from pipeline.cli.composing import HYDRA_COMMANDS, composed
from pipeline.config.reading import choices_of, read_comparison
from pipeline.evaluation.metrics import METRICS
from pipeline.storage.folders import NETWORKS, PLAN, PREPARED, REPORTS, RUNS, cache_folder

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
LECTURE = sorted((ROOT / "docs" / "lecture").glob("*.html"))
LONGEST_README = 150
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HTML_COMMAND = re.compile(r'<pre class="command"><code>(.*?)</code>|<code class="line">(.*?)</code>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
COMMENT = re.compile(r"(^|\s)#\s.*$")
PLACEHOLDER = re.compile(r"\b[A-Z]{4,}\b|…")
CHOICE = re.compile(r"(data|split|optimizer|training|augmentation): (\w+)")
SOURCE = re.compile(r"(?:conf|pipeline|tests|development|benchmarks|hydra_plugins|data/weights)/[\w./-]*")


def code(page):
    """The lines of the shell blocks and the code spans of a page, each once, without comments and placeholders."""
    text = page.read_text(encoding="utf-8")
    lines = [line for language, body in BLOCK.findall(text) if language == "sh" for line in body.splitlines()]
    spans = SPAN.findall(BLOCK.sub("", text))
    written = [COMMENT.sub("", line).strip() for line in (*lines, *spans)]
    return list(dict.fromkeys(line for line in written if line and not PLACEHOLDER.search(line)))


def html_code(page):
    """The commands that a page of the lecture shows, as text."""
    shown = HTML_COMMAND.findall(page.read_text(encoding="utf-8"))
    return [html.unescape(TAG.sub("", block or line)).strip() for block, line in shown]


SHOWN = list(
    dict.fromkeys(
        [*(line for page in PAGES for line in code(page)), *(line for page in LECTURE for line in html_code(page))]
    )
)
EXPERIMENTS = [line for line in SHOWN if line.startswith("convtrack experiment ") and "=" in line]
COMMANDS = [file.stem.replace("_", "-") for file in (ROOT / "pipeline/cli/commands").glob("*.py")]
OTHERS = [line for line in SHOWN if re.fullmatch(rf"convtrack ({'|'.join(COMMANDS)}) (?!--help).+", line)]


def values(override):
    """One override for each value of an override with several values."""
    name, value = override.split("=", 1)
    if value.startswith("glob("):
        return [f"{name}={choice}" for choice in fnmatch.filter(choices_of(name), value[5:-1])]
    if found := re.fullmatch(r"(?:range|interval)\(([^,]+),.*\)", value):
        return [f"{name}={found[1]}"]
    return [f"{name}={one}" for one in value.split(",")]


def test_the_pages_contain_commands():
    assert len(EXPERIMENTS) > 20
    assert len(OTHERS) > 10
    assert all(html_code(page) for page in LECTURE)
    assert len(LECTURE) > 10


@pytest.mark.parametrize("command", EXPERIMENTS)
def test_every_experiment_in_the_pages_can_be_composed(command):
    words = shlex.split(command)[2:]
    several = [word for word in words if "=" in word and not word.startswith(("hydra/", "hydra."))]
    listed = [values(word) for word in several]
    assert all(listed), "a pattern that no file matches"
    options = [word for word in words if word.startswith("-")]
    assert "-m" in options or all(len(one) == 1 for one in listed), "several values need -m"
    assert "sweep=" not in command or "-m" in options
    # Hydra does not accept overrides both before and after an option.
    assert all(words[place] == option for place, option in enumerate(options)) or "--cfg" in options
    if any(word.startswith("experiment=") for word in words) or any(word.startswith("model=") for word in words):
        chosen = listed
    else:
        assert "sweep=models" in words, "neither a model nor a search for one"
        chosen = [*listed, ["model=lenet5"]]
    for overrides in product(*chosen):
        assert composed("experiment", overrides)["model"].architecture


@pytest.mark.parametrize("command", [line for line in SHOWN if re.fullmatch(r"convtrack [a-z][a-z-]*", line)])
def test_a_command_exists(command):
    assert command.split()[1] in (*COMMANDS, *HYDRA_COMMANDS)


class Parsed(Exception):
    """Raised instead of running a command whose arguments are valid."""


@pytest.mark.parametrize("command", OTHERS)
def test_the_arguments_of_a_command_are_valid(command, monkeypatch, capsys):
    for name in ("parse_args", "parse_intermixed_args"):
        original = getattr(argparse.ArgumentParser, name)

        def parse(self, *arguments, _original=original, **named):
            _original(self, *arguments, **named)
            raise Parsed

        monkeypatch.setattr(argparse.ArgumentParser, name, parse)
    _, name, *arguments = shlex.split(command)
    with pytest.raises(Parsed):
        import_module(f"pipeline.cli.commands.{name.replace('-', '_')}").main(arguments)
    if name == "describe" and arguments[0].startswith("model="):
        assert composed("build", [word for word in arguments if re.match(r"[\w.]+=", word)])
    if name == "study":
        assert find_spec(f"pipeline.studies.{arguments[0]}") is not None


def test_the_lecture_shows_the_table_that_describe_prints(capsys):
    page = (ROOT / "docs/lecture.md").read_text(encoding="utf-8")
    commands, table = re.findall(r"```(?:sh)?\n(.*?)```", page, re.DOTALL)[:2]
    _, name, *arguments = shlex.split(commands.splitlines()[0])
    import_module(f"pipeline.cli.commands.{name}").main(arguments)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == table.splitlines()


@pytest.mark.parametrize("command", [line for line in SHOWN if line.startswith("make ")])
def test_a_target_of_make_exists(command):
    target = shlex.split(command)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", [line for line in SHOWN if "python -m " in line])
def test_a_module_that_is_run_exists(command):
    assert find_spec(command.partition("python -m ")[2].split()[0]) is not None


@pytest.mark.parametrize("command", [line for line in SHOWN if line.startswith("dvc exp run -S ")])
def test_a_setting_that_dvc_changes_exists(command):
    file, _, setting = shlex.split(command)[4].partition(":")
    assert setting.partition("=")[0] in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_file_exists(page):
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    files = [(page.parent / link).resolve() for link in links if link and "://" not in link]
    committed = run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    # Another comparison replaces the committed pictures of the report.
    assert [file for file in files if not file.exists() and str(file.relative_to(ROOT)) not in committed] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_heading_exists(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        file, mark, anchor = link.partition("#")
        if mark and "://" not in link:
            text = BLOCK.sub("", ((page.parent / file) if file else page).read_text(encoding="utf-8"))
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings], link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_file_and_choice_exists(page):
    for span in code(page):
        if SOURCE.fullmatch(span):
            assert (ROOT / span).exists(), span
        if found := CHOICE.fullmatch(span):
            assert found[2] in choices_of(found[1])


def test_the_lines_for_own_images_make_a_valid_comparison_without_tuned_recipes(tmp_path):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    page = (ROOT / "docs/own-images.md").read_text(encoding="utf-8")
    (shown,) = [yaml.safe_load(body) for _, body in BLOCK.findall(page) if body.startswith("data: folder")]
    file = tmp_path / "conf" / "comparison.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text(encoding="utf-8")) | shown), encoding="utf-8")
    comparison = read_comparison(tmp_path / "conf")
    assert (comparison.data, comparison.split) == ("folder", "kfold")
    for model in comparison.models:
        assert "@package" not in (ROOT / "conf" / "model" / f"{model}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", ["data", "split", "optimizer", "training", "augmentation", "experiment", "sweep"])
def test_the_page_on_the_configuration_names_every_file_of_a_group(group):
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert [name for name in choices_of(group, [ROOT / "conf"]) if f"`{name}`" not in page] == []


def test_the_page_on_the_code_describes_every_folder_that_stages_write():
    page = (ROOT / "docs/code.md").read_text(encoding="utf-8")
    folders = (PREPARED.parts[0], PLAN, NETWORKS, RUNS, REPORTS, cache_folder())
    assert [folder for folder in map(str, folders) if f"| `{folder}/` |" not in page] == []


def test_every_described_metric_exists():
    page = (ROOT / "docs/statistics.md").read_text(encoding="utf-8")
    described = re.findall(r"^\| `(\w+)` \|.* (?:high|low) \|$", page, re.MULTILINE)
    assert "matthews" in described
    assert set(described) <= set(METRICS)


def test_the_page_on_the_code_describes_every_package():
    page = (ROOT / "docs/code.md").read_text(encoding="utf-8")
    packages = [folder.parent.name for folder in (ROOT / "pipeline").glob("*/__init__.py")]
    assert [package for package in packages if f"`pipeline/{package}/`" not in page] == []


def test_readme_has_at_most_150_lines():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= LONGEST_README
    linked = LINK.findall(readme)
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= set(linked), "a page that README hides"
