"""Read picture files: find them in folders, decode them in parallel, and keep what was decoded."""
