"""Can the reported score still be expected on new pictures? Checks whose true classes are unknown."""
