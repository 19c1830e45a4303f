"""One file for each source of images; loading lists this folder, so a new file is a new source."""
