"""Pages of the collective economy, one file for each subject."""
