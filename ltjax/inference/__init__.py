"""From trials to statements: counts, intervals, thresholds, growth laws."""
