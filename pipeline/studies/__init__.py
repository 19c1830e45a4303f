"""Studies: experiments about networks and about methods. Each folder is one study, started by `convtrack study NAME`.

The docstring of a folder is its description in `convtrack study --help`. Its module `NAME_study` has a function `main`
that computes the results and writes the report to `reports/NAME/`.
"""
