"""What a nightly job reads: the gate, JUnit XML, summaries and comparisons in Markdown."""
