"""Speech: the providers behind one protocol, the voices by name, and sound as numbers."""
