"""The stages of the pipeline: each reads files, calls the packages that do the work, and writes files."""
