"""Pages of the month: one module for each screen."""
