"""One file a vendor: how its LangChain class is made. Imported when a model of it is first asked, for the imports take seconds."""
