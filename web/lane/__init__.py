"""The agent lane: what agents ask for all the time is answered without the framework.

`parser` reads requests with httptools, `shortcuts` is the one table of what goes straight to its
handler, and `lane` answers that. All else goes to the application, over the same connection.
"""
