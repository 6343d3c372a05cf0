"""What is to be said to vendors: the outbox, and sending it."""
