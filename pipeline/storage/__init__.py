"""Files on disk: folders of a run, atomic writes, fingerprints, processes and provenance."""
