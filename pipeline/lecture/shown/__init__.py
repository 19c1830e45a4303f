"""Code that the pages show. The lecture runs it before it shows it."""
