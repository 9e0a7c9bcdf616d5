"""What organisations have agreed: sharing agreements as documents, their states, and the data a policy engine reads."""
