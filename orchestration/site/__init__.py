"""What people look at of a release: its charts, its report, and the pages of a Space. Made from the release alone."""
