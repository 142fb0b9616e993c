"""What a text means, as a vector: one Protocol, the embedded model and any OpenAI-compatible server behind it."""
