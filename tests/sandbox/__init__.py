"""The promises of the sandbox: the place that is made up, and the partner systems that serve it."""
