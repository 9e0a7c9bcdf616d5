"""The promises of the sandbox's partner systems, asked over real loopback sockets."""
