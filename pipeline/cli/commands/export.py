"""Export the champion to other formats, and compare each export with the original.

FORMAT is one or more of
  saved_model   TensorFlow's SavedModel, for TensorFlow Serving
  onnx          ONNX, for ONNX Runtime and other runtimes (needs the extra `onnx`)
  litert        LiteRT (TensorFlow Lite), for small devices
  litert_int8   LiteRT with 8-bit weights and activations

Each export takes grey levels 0 to 255, float32 (n, height, width, channels), and returns the outputs of the Keras
network. Standardisation is part of the export. Accuracy and classes are compared on validation images of the champion.
The table is written beside the exports (exports.md, exports.csv) and logged to the champion's run in MLflow.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.model_option import add_model_option
from pipeline.cli.usage import parsed
from pipeline.console import columns, say
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.deployment.exports import FORMATS
from pipeline.deployment.picture_model import read_settings
from pipeline.deployment.runtimes import KERAS_FILE, keras_network
from pipeline.errors import UserError, reason
from pipeline.storage.files import replacing
from pipeline.storage.folders import PREPARED
from pipeline.tracking.model_registry import registered_folder

if TYPE_CHECKING:
    from pipeline.deployment.export_measurements import Exported

ORIGINAL = "keras"
"""The name of the original in the table."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("formats", nargs="+", choices=tuple(FORMATS), metavar="FORMAT", help=", ".join(FORMATS))
    add_model_option(command)
    command.add_argument(
        "--output", type=Path, default=Path("exports"), metavar="FOLDER", help="where to write (default: exports)"
    )
    return command


def main(arguments: Sequence[str]) -> None:
    """Write the exports and their table; raise UserError after all formats if one of them failed."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack export --help")
    folder = registered_folder(given.model)
    settings, prepared = read_settings(folder), read_prepared(PREPARED)
    check_images(settings, prepared)
    _make(given.output)
    exports, caption = _exported(folder, settings, prepared, list(dict.fromkeys(given.formats)), given.output)
    files = _write_tables(exports, caption, given.output)
    from pipeline.tracking.publish.exports import publish_exports

    published = publish_exports(settings["data"], settings["trained"], exports, files)
    say(f"Table: {files[0]}" + (f", and in MLflow's run {published}" if published else ""))
    failed = {name: one.problem for name, one in exports.items() if one.problem}
    if failed:
        reasons = " ".join(f"{name}: {problem.rstrip('.')}." for name, problem in failed.items())
        raise UserError(f"{len(failed)} of {len(exports) - 1} formats cannot be exported. {reasons}")


def check_images(settings: Mapping[str, Any], prepared: Prepared) -> None:
    """Raise UserError unless the prepared images and splits are those that a packaged network was trained with."""
    replicates = prepared.manifest["replicates"]
    splits = [replicates[one]["digest"] if one < len(replicates) else None for one in settings["replicates"]]
    if (prepared.manifest["digest"], splits) != (settings.get("data_digest"), settings.get("splits")):
        raise UserError(
            f"Exports of {settings['model']} are compared on images of {settings['data']} with the split of its "
            f"training, but {PREPARED} holds other images or another split ({prepared.manifest['name']}): prepare the "
            f"data again with `convtrack prepare data={settings['data']} split=…`."
        )


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(f"`--output` must be a folder that can be written. {output}: {problem.strerror}.") from None


def _exported(
    folder: Path, settings: Mapping[str, Any], prepared: Prepared, formats: Sequence[str], output: Path
) -> tuple[dict[str, "Exported"], str]:
    """The original and its exports by name, and the caption of their table."""
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow()
    from pipeline.deployment.export_measurements import Exported, export_all, images_for_exports

    images = images_for_exports(prepared, settings["replicates"])
    original = folder / KERAS_FILE
    own, exports = export_all(
        _network(original, settings["modules"]),
        formats,
        output,
        images,
        progress=lambda name: say(f"Exporting to {name}"),
    )
    caption = f"Exports of {settings['model']}, compared on {len(images.compared):,} images of {settings['data']} that "
    if images.unseen:
        caption += "it was not trained on."
    else:
        caption += (
            "some of its replicates were trained on. The accuracy on new images is lower; compare it between the "
            "formats only."
        )
    return {ORIGINAL: Exported("TensorFlow", original.stat().st_size, own), **exports}, caption


def _network(file: Path, modules: Sequence[str]) -> Any:
    try:
        return keras_network(file, modules)
    except (OSError, ValueError, TypeError, ImportError) as problem:
        raise UserError(
            f"The network {file} cannot be loaded ({reason(problem)[:200]}). If layers of its architecture are gone, "
            "check out the commit of its training; else make the folder again with `dvc repro package`."
        ) from None


def _write_tables(exports: Mapping[str, "Exported"], caption: str, output: Path) -> tuple[Path, Path]:
    """Print the table of exports, write it as Markdown and as CSV, and return both files."""
    from pipeline.reporting.tables.exports_table import exports_csv, exports_table
    from pipeline.reporting.tables.text_table import escaped, markdown

    table = exports_table(exports, caption)
    say(caption)
    for line in columns([table.header, *table.rows], right=range(2, len(table.header))):
        say(line)
    problems = [f"{name}: {escaped(one.problem)}" for name, one in exports.items() if one.problem]
    pages = "\n\n".join([markdown(table), *problems]) + "\n", exports_csv(exports)
    files = output / "exports.md", output / "exports.csv"
    for file, text in zip(files, pages, strict=True):
        with replacing(file) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return files
