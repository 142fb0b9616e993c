"""The code generator: a table's description, templates of this project's style, and what they become. Writes nothing here."""
