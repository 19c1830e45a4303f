"""`python -m pipeline COMMAND …` is the same as `convtrack COMMAND …`."""

from pipeline.cli.main import main

if __name__ == "__main__":
    main()
