"""The command line: `convtrack COMMAND`."""
