"""The model card as a document: what the packaged network is, what it may be used for, and how well it works."""

from collections.abc import Mapping
from typing import Any

from pipeline.counts import number_of
from pipeline.reporting.audit_page import conclusion
from pipeline.reporting.blocks import (
    Block,
    Bullets,
    Commands,
    Document,
    Fold,
    Paragraph,
    Picture,
    Section,
    TableBlock,
    Terms,
)
from pipeline.reporting.card import card_tables
from pipeline.reporting.card.card_content import ModelCard
from pipeline.reporting.card.intended_use import input_in_words, intended, limits, not_intended
from pipeline.reporting.content import DataSummary, metric_label
from pipeline.reporting.costs import price
from pipeline.reporting.figures.confusion_matrix import confusion_figure, confusion_matrix
from pipeline.reporting.figures.reliability import reliability_figure
from pipeline.reporting.figures.style import line_styles
from pipeline.reporting.sections.image_data import counts_table
from pipeline.reporting.tables.settings import written
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text.quantities import count, duration, listed, score


def card_document(card: ModelCard) -> Document:
    """The card of a packaged network."""
    name, data = card.choice["model"], card.data.title
    lead = (
        Paragraph(_answer(card), "answer"),
        Paragraph(card.choice["reason"], "support"),
        *(_unmeasured(card)),
    )
    sections = (_use(card), _limits(card), _scores(card), _confidence(card), _changes(card))
    facts = (_network(card), _running(card), _data(card), _reproduce(card))
    shown = tuple(one for one in (*sections, *facts) if one is not None)
    return Document(f"Model card: {name} for {data}", lead, shown)


def document_without_champion(choice: Mapping[str, Any], data: DataSummary) -> Document:
    """The card of a comparison that has no champion."""
    lead = (
        Paragraph(f"There is no packaged network for {data.title}.", "answer"),
        Paragraph(choice["reason"]),
        Paragraph("To use a network of the comparison nevertheless, name it with a reason:"),
        Commands('convtrack champion NAME --why "…"'),
    )
    return Document(f"Model card: no champion for {data.title}", lead, (_data_section(data, counts_table(data)),))


def _answer(card: ModelCard) -> str:
    name, classes = card.choice["model"], number_of(len(card.data.classes), "class", "classes")
    classifies = f"{name} classifies {input_in_words(card)} into {classes}"
    if card.held_out is None:
        return f"{classifies}. The score of the packaged network could not be measured."
    label = metric_label(card.choice["metric"])
    return (
        f"{classifies}: {label} {card_tables.scored(card.held_out.score)} on {count(card.held_out.images)} "
        f"{card.held_out.part} images."
    )


def _unmeasured(card: ModelCard) -> list[Block]:
    """A warning unless the scores are those of all packaged replicates together on test images."""
    own, together = card.held_out, len(card.choice["replicates"])
    if own is None:
        return [Paragraph("The split has no validation and no test images.", "warning")]
    sentences = []
    if own.members < together:
        sentences.append(
            f"No score of all {together} replicates together can be measured, because most images trained some of "
            f"them. Each of these {own.part} images is predicted by the replicates that have it as a {own.part} image, "
            f"{own.members:.1f} on average (as out of bag, Breiman 1996). The validation images, on which the "
            "temperature and the thresholds are chosen, are predicted in the same way. Some of them can be test images "
            "of other replicates, so the measured error rates of the thresholds can be too low. "
            f"All {together} together are usually a little better, and their confidence is too low rather than too "
            "high."
        )
    if own.part != "test":
        sentences.append(
            "The split has no test images. The scores come from validation images, with which the confidence was "
            "calibrated and the number of epochs may have been chosen. Expect a lower score on new pictures."
        )
    return [Paragraph(" ".join(sentences), "warning")] if sentences else []


def _use(card: ModelCard) -> Section:
    blocks = (
        Paragraph("The network is intended:"),
        Bullets(intended(card)),
        Paragraph("It is not intended for:"),
        Bullets(not_intended(card)),
    )
    return Section("use", "Intended use", blocks, "what it may and may not be used for")


def _limits(card: ModelCard) -> Section:
    return Section("limits", "Limits", (Bullets(limits(card)),), "what is known to go wrong")


def _scores(card: ModelCard) -> Section:
    blocks: list[Block] = [TableBlock(card_tables.main_scores(card))]
    own = card.held_out
    if own is not None:
        if own.score.low == own.score.high:
            blocks.append(
                Paragraph(
                    f"The {metric_label(card.choice['metric'])} on these {count(own.images)} images stays at "
                    f"{score(own.score.mean)} whichever of them are left out, so no interval can be estimated."
                )
            )
        matrix = confusion_matrix(card.data.classes, own.confusion)
        recalls = listed([f"{one.name} {score(one.scores['recall'].mean)}" for one in own.classes])
        blocks += [
            TableBlock(card_tables.by_class(card.choice["model"], own)),
            Picture("confusions", f"Recall by class: {recalls}.", confusion_figure({card.choice["model"]: matrix})),
        ]
        if own.subgroups:
            blocks.append(TableBlock(card_tables.by_subgroup(card.choice["metric"], own)))
        blocks.append(Fold("All metrics", (TableBlock(card_tables.all_scores(own)),)))
    return Section("scores", "Scores", tuple(blocks), "with intervals, by class and by subgroup")


def _confidence(card: ModelCard) -> Section | None:
    settings, own = card.settings, card.held_out
    if own is None or not settings["calibrated_on"]:
        return None
    curves = {"before": own.uncalibrated, "after": own.calibrated}
    errors = f"{score(own.uncalibrated.error)} before and {score(own.calibrated.error)} after"
    blocks: list[Block] = [
        Paragraph(
            f"A temperature of {settings['temperature']:.3f}, fitted on {count(settings['calibrated_on'])} validation "
            f"images, turns probabilities into a confidence (Guo et al. 2017). The calibration error on {own.part} "
            f"images is {errors}."
        ),
        Picture("calibration", f"Calibration error {errors} the temperature.", _reliability(curves)),
    ]
    abstention = card_tables.abstention(card, own)
    if abstention.rows:
        blocks.append(TableBlock(abstention))
    missed = [f"{rate:.1%}".replace("%", " %") for rate in card_tables.missed_rates(card, own)]
    if missed:
        blocks.append(
            Paragraph(
                f"Do not rely on the thresholds for {listed(missed)}: the error rate on {own.part} images is higher. "
                f"The {count(settings['calibrated_on'])} validation images are too few, or differ from the "
                f"{own.part} images.",
                "warning",
            )
        )
    never = [one["error_rate"] for one in settings["thresholds"] if one["confidence"] > 1]
    if never:
        blocks.append(
            Paragraph(
                f"No threshold reaches an error rate of {max(never):.1%} or less: {count(settings['calibrated_on'])} "
                "validation images are too few to confirm it, or their most confident predictions are wrong. For such "
                "a rate, the network abstains on every picture.".replace("%", " %")
            )
        )
    return Section("confidence", "Confidence", tuple(blocks), "calibration, and abstention below a threshold")


def _reliability(curves: Mapping[str, Any]) -> Any:
    return reliability_figure(curves, line_styles(list(curves)))


def _changes(card: ModelCard) -> Section | None:
    if card.held_out is None or not card.held_out.changes:
        return None
    random = {
        name.removeprefix("augmentation."): value
        for name, value in card.configuration.items()
        if name.startswith("augmentation.") and value
    }
    trained = listed([f"{name} {written(value)}" for name, value in random.items()]) if random else "none"
    blocks = (
        TableBlock(card_tables.changes(card.held_out)),
        Paragraph(
            f"Augmentation in training: {trained}. A change can turn a picture into one of another class, "
            "such as a 6 that is upside down."
        ),
    )
    return Section("changes", "Changed pictures", blocks, "accuracy on shifted, mirrored, darker or noisy pictures")


def _network(card: ModelCard) -> Section:
    choice, settings = card.choice, card.configuration
    replicates = listed([str(one + 1) for one in choice["replicates"]])
    several = "s" if len(choice["replicates"]) > 1 else ""
    together = " (mean of their probabilities)" if several else ""
    each = ", for each replicate" if several else ""
    chosen = "a person (conf/champion.yaml)" if choice["by_person"] else "the report of the comparison"
    terms = (
        ("Model", f"{choice['model']}, architecture {card.architecture}"),
        (f"Replicate{several}", f"{replicates} of {card.effort.own_trainings}{together}"),
        ("Chosen by", chosen),
        ("Input", f"{input_in_words(card)}; pictures of any size are resized ({card.settings['decoding']['resize']})"),
        ("Output", f"the probabilities of {len(card.data.classes)} classes, and a calibrated confidence"),
        ("Size", f"{count(card.parameters)} parameters, {price(card.multiply_accumulates)}{each}"),
        ("Training", f"{settings['training.epochs']} epochs, {settings['optimizer.name']}"),
        ("Commit of the training", card.commit + (" with uncommitted changes" if card.dirty else "")),
        ("Licence of the data", card.data.licence),
    )
    return Section("network", "Network", (Terms(terms),), "model, replicate, input and output")


def _running(card: ModelCard) -> Section:
    blocks: list[Block] = [TableBlock(card_tables.working(card))]
    agreement = card.settings.get("agreement")
    if agreement is None:
        blocks.append(
            Paragraph("The evaluation scores single replicates, so it has no predictions to compare an ensemble with.")
        )
    else:
        blocks.append(
            Paragraph(
                f"On {count(agreement['images'])} validation and test images, the probabilities of the packaged "
                f"network differ from those of the evaluation by at most {agreement['largest_difference']:.1g}, and "
                f"{number_of(agreement['other_classes'], 'predicted class differs', 'predicted classes differ')}."
            )
        )
    runtime = {"LiteRT": "LiteRT, without TensorFlow", "KerasRuntime": "Keras"}[card.settings["runtime"]]
    blocks.insert(0, Paragraph(f"Runtime: {runtime}."))
    return Section("running", "Latency and agreement", tuple(blocks), "speed, size, and equality with the evaluation")


def _data(card: ModelCard) -> Section:
    first = card.choice["replicates"][0] + 1
    table = counts_table(card.data)._replace(caption=f"Images per class and split in replicate {first}.")
    return _data_section(card.data, table, audit=None if card.findings is None else conclusion(card.findings))


def _data_section(data: DataSummary, table: Table, *, audit: str | None = None) -> Section:
    blocks: list[Block] = [TableBlock(table), Paragraph(f"Split: {data.split_strategy}.")]
    if audit is not None:
        blocks.append(Paragraph(audit))
    if data.notes:
        blocks.append(Bullets(data.notes))
    blocks.append(Terms((("Source", data.source), ("Attribution", data.attribution), ("Licence", data.licence))))
    return Section("data", "Data", tuple(blocks), "classes, split, source, licence")


def _reproduce(card: ModelCard) -> Section:
    effort = card.effort
    trained = (
        f"{number_of(effort.own_trainings, 'training')} of {card.choice['model']} took "
        f"{duration(effort.own_seconds)}, one after another. The comparison needed "
        f"{number_of(effort.trainings, 'training')} of {number_of(effort.networks, 'network')}: "
        f"{duration(effort.seconds)}. Searches for settings are not included, and energy was not measured."
    )
    terms = (
        ("Fingerprint of the model", card.fingerprint),
        ("Fingerprints of the packaged trainings", ", ".join(card.settings["trained"])),
        ("Digest of the data", card.data_digest),
    )
    versions = Table("Versions", ("software", "version"), tuple(sorted(card.versions.items())))
    blocks = (
        Commands(f"git checkout {card.commit}\nmake repro"),
        Paragraph("To follow the model to its commit, images and files, or to train it again and compare the bits:"),
        Commands(f"convtrack verify {card.fingerprint[:12]}\nconvtrack verify {card.fingerprint[:12]} --again"),
        Terms(terms),
        Paragraph(trained),
        TableBlock(versions),
    )
    return Section("reproduce", "How to reproduce", blocks, "commands, fingerprints, versions, compute used")
