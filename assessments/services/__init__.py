"""What may be done with the month: one module for each subject."""
