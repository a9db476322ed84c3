"""Bridges as signed webhooks: how the messages of `actors.bridges` look and travel.

`configuration` reads the `[[bridges]]` of the server's settings. `body` is the JSON of a message,
`redacted` before it leaves; `signature` makes the headers of Standard Webhooks; `post` carries it
over HTTP, within the bridge's time and a bound on what comes back. `opening` puts them together,
and `on_demand` loads all that only where there are any.
"""
