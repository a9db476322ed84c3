"""Several nodes over one journal: whichever is asked, the active one answers."""
