"""Early warning for marketers and managers: who is about to leave, what is done, what it changed, and by which rules."""
