"""Reports: one module for each part of a report, which makes HTML of numbers, and what they share."""
