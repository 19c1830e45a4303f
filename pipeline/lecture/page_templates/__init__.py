"""The pages of the lecture as Jinja templates: one per chapter, with the name of the page."""
