"""How the networks treat shifts of the images, and rotations as the contrast."""

from collections.abc import Mapping

from pipeline.reporting.blocks import Block, Paragraph, Picture, Section, TableBlock, Terms
from pipeline.reporting.content import Comparison
from pipeline.reporting.figures.shift_figures import (
    ERRORS,
    Measured,
    equivariance_figure,
    equivariance_lines,
    reactions,
    reactions_figure,
)
from pipeline.reporting.figures.style import line_styles
from pipeline.reporting.tables.shift_table import shift_table, values_of
from pipeline.reporting.text.quantities import listed, mean, score, share


def section(comparison: Comparison) -> Section | None:
    """Return the table and the figures of the networks that were interpreted."""
    measured = comparison.shifts
    if not measured:
        return None
    styles = line_styles([model.name for model in comparison.models])
    blocks: list[Block] = [Paragraph(text) for text in (_most_consistent(measured), _constant(measured)) if text]
    blocks.append(TableBlock(shift_table(measured)))
    if found := reactions(measured):
        alternative = " ".join(
            f"{model}: {score(shift.y[0])} unmoved, {score(shift.y[-1])} after a shift by {shift.x[-1]} pixels, "
            f"{score(found.rotation[model].y[-1])} after a rotation by {found.rotation[model].x[-1]}°."
            for model, shift in found.shift.items()
        )
        figure = reactions_figure(found, styles)
        blocks.append(Picture("shifts", f"Accuracy of moved images. {alternative}", figure))
    lines = equivariance_lines(measured)
    if any(lines.values()):
        alternative = " ".join(
            f"{title}: {', '.join(f'{model} {score(line.y[-1])}' for model, line in lines[kind].items())}."
            for kind, title in ERRORS.items()
            if lines[kind]
        )
        figure = equivariance_figure(lines, styles)
        blocks.append(Picture("equivariance", f"Equivariance error of the deepest layers. {alternative}", figure))
    blocks.append(Terms(_terms(measured, errors=any(lines.values()))))
    return Section("shifts", "Shifts and rotations", tuple(blocks), "consistency, equivariance of the layers")


def _most_consistent(measured: Mapping[str, Measured]) -> str:
    """The best and the worst model under shifts, and the loss of the best under rotations; empty without values."""
    shift = {model: mean(values) for model, one in measured.items() if (values := values_of(one, "shift_consistency"))}
    if not shift:
        return ""
    best, worst = max(shift, key=shift.__getitem__), min(shift, key=shift.__getitem__)
    turned = mean(values_of(measured[best], "rotation_consistency"))
    text = f"Most consistent under shifts: {best} ({score(shift[best])}; {score(turned)} under rotations)."
    return text if best == worst else f"{text} Least consistent: {worst} ({score(shift[worst])})."


def _constant(measured: Mapping[str, Measured]) -> str:
    """The number of replicates that always predict one class, by model; empty without any."""
    constant = {
        model: len(one["replicates"]) - len(values_of(one, "shift_consistency")) for model, one in measured.items()
    }
    left_out = [
        f"{model} ({count} of {len(measured[model]['replicates'])})" for model, count in constant.items() if count
    ]
    if not left_out:
        return ""
    return (
        f"Left out are the replicates that predict one class for every image, in {listed(left_out)}: they are "
        "consistent, but useless."
    )


def _terms(measured: Mapping[str, Measured], *, errors: bool) -> tuple[tuple[str, str], ...]:
    setting = next(iter(measured.values()))["setting"]
    pixels, degrees = setting["largest_shift"], f"{setting['largest_angle']:g}°"
    unit = "pixel" if pixels == 1 else "pixels"
    terms = [
        (
            "Consistency",
            f"Two copies of each of {setting['images']} test images are moved by different random amounts: along each "
            f"axis by at most {pixels} {unit}, or about the centre by at most {degrees}. The consistency is the share "
            "of images whose copies get the same class (Zhang 2019). It says nothing about whether the class is right. "
            "All models get the same images and the same amounts.",
        ),
        (
            "Border",
            f"A shift repeats the pixels at the border. In {share(setting['inside'])} of the images the border has one "
            f"grey level over {pixels} {unit}, so nothing leaves the image and nothing new enters it. A circular shift "
            "loses nothing in any image: what leaves it enters at the opposite side.",
        ),
        (
            "Sub-pixel and phase shift",
            "The same shifts plus a fraction of a pixel. The sub-pixel shift uses bicubic interpolation. The phase "
            "shift is circular and changes the phases of the Fourier transform.",
        ),
    ]
    if errors:
        terms.append(
            (
                "Equivariance error",
                "If the image moves, the maps of a layer should move with it. The error is the norm of the difference, "
                "divided by the norm of the maps: 0 is exact, and unrelated maps have about 1.4. "
                "Away from the border it is 0 for a convolution, and for pooling if its stride divides the shift. Over "
                "all units, padding causes errors, which grow with the receptive field. Subsampled maps cannot follow "
                "a shift by one pixel. A quarter turn is shown for comparison: shared weights do not make a layer "
                "equivariant to rotations. The table has the error of all units of the deepest maps that cover "
                "the image exactly, after a circular shift by their stride.",
            )
        )
    return tuple(terms)
