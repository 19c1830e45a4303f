"""What the commands tell a person."""


def say(line: str) -> None:
    """Print a line at once, also where the output is a file."""
    print(line, flush=True)
