"""The promises the broker makes, as tests. The folders mirror ``broker/``."""
