"""Check the verdicts of `convtrack drift` on changes of pictures whose effect on the champion is known."""
