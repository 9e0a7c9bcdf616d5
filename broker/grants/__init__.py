"""What people have let partners' systems do for them: grants, and what is spent to use them. Decides no release."""
