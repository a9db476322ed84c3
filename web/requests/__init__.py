"""Bodies of requests, decoded by `web.decoding`: how commands are written, and a class for each
body of the contract that says something else."""
