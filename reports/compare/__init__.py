"""Reports of a comparison of two runs: text, JSON, Markdown and HTML. Each knows the judge's records and no framework."""
