"""The transformer as a function of a flat weight vector, and what can be measured of given weights."""
