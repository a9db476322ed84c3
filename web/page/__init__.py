"""The operator's page: its files as they are served, and the session that a browser keeps."""
