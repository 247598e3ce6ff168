"""Whatever a study, its labels, its claims and its failures are called: it is shown as text and does nothing."""
