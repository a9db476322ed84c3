"""Bodies of requests: one class per schema of the contract, decoded by `web.decoding`."""
