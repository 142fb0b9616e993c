"""Worker processes: the composition root of everything that Temporal runs."""
