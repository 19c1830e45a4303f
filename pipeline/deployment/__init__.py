"""The champion at work: package a trained network so that it classifies pictures, and predict with it."""
