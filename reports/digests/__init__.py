"""Digests: what each role should know, by e-mail, once for each period. Figures are those of the panels; small groups stay hidden."""
