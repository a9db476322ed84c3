"""The page in a real browser: how long until it shows, and until it shows what happens."""
