"""The lecture as a static site: one page per idea, with figures and numbers that are computed when it is built."""
