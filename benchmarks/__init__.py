"""Speed and memory of parts of this project, compared with the alternatives."""
