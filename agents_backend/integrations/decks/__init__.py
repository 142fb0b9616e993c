"""Decks drawn with python-pptx: themes, a template of real layouts and placeholders, text that is measured before it is set."""
