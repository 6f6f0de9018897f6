"""The page on which products get the labels that earning rules ask for."""
