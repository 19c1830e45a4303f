"""Numbers of things, and probabilities, in messages and pages."""


def number_of(number: int, thing: str, things: str | None = None) -> str:
    """Format a number of things.

    Args:
        number: how many.
        thing: the singular, also with a verb, such as "image is".
        things: the plural, by default the singular with an "s".

    >>> number_of(1, "replicate"), number_of(4, "replicate")
    ('1 replicate', '4 replicates')
    >>> number_of(1, "image is", "images are"), number_of(2000, "image is", "images are")
    ('1 image is', '2,000 images are')
    """
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def percentage(probability: float) -> str:
    """Format a probability. It is not rounded to certainty.

    >>> percentage(0.876), percentage(0.99996), percentage(0.9996), percentage(1.0)
    ('87.6 %', '>99.9 %', '>99.9 %', '>99.9 %')
    """
    return ">99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"
